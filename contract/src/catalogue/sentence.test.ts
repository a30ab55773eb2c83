/** Sentences: every placeholder leads somewhere, and nothing absent is made up. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { z } from 'zod';
import { declarationOf, eventTypes } from './catalogue.ts';
import { sentenceOf, sentenceParts } from './sentence.ts';

const envelope = new Set(['actor', 'target', 'namespace', 'project', 'credential', 'reason']);

function hasDetail(schema: z.ZodType, path: readonly string[]): boolean {
  let inner = schema;
  while (inner instanceof z.ZodOptional) inner = inner.unwrap() as z.ZodType;
  const [key, ...rest] = path;
  if (key === undefined) return !(inner instanceof z.ZodObject);
  return inner instanceof z.ZodObject && key in inner.shape && hasDetail(inner.shape[key] as z.ZodType, rest);
}

describe('sentences', () => {
  it('name only fields that events of the type have', () => {
    for (const type of eventTypes) {
      const { sentence, details } = declarationOf(type);
      for (const [, choice = ''] of sentence.matchAll(/\{([^}]*)\}/g)) {
        for (const path of choice.split('|')) {
          const known =
            envelope.has(path) ||
            (path.startsWith('details.') && hasDetail(details, path.split('.').slice(1)));
          assert.ok(known, `${type}: {${path}}`);
        }
      }
    }
  });

  it('are made from what is there', () => {
    const event = {
      type: 'account.sign_in.refuse',
      actor: { kind: 'user' as const, name: 'alice' },
      credential: { kind: 'access_token' as const, name: 'ci' },
      reason: 'token_expired',
      details: { typedName: 'bob' },
    };
    assert.equal(
      sentenceOf(event),
      'A sign-in as alice with an access token (ci) was refused: the token has expired',
    );
    assert.deepEqual(sentenceParts(event)[1], { text: 'alice', path: 'actor' });
    const unnamed = { ...event, actor: { kind: 'anonymous' as const } };
    assert.match(sentenceOf(unnamed), /as bob with/);
    assert.match(sentenceOf({ ...unnamed, details: {} }), /as somebody not signed in with/);
  });

  it('put a general word in the place of what is erased or withheld, and never a commitment', () => {
    const commitment = { '#': 'x'.repeat(43) } as unknown as string;
    for (const type of eventTypes) {
      const erased = {
        type,
        actor: { kind: 'user' as const },
        details: { tag: commitment, from: commitment },
      };
      const text = sentenceOf(erased);
      assert.doesNotMatch(text, /undefined|object|xxx|[{}]/, text);
      assert.match(text, /^[A-Z]/);
    }
    const quiet = sentenceOf({ type: 'container.tag.create', actor: { kind: 'system' }, details: {} });
    assert.equal(quiet, 'The server created the tag … in a project');
  });

  it('tell an unknown type by its name', () => {
    assert.equal(sentenceOf({ type: 'future.thing.happen' }), 'future.thing.happen');
  });
});
