/** What holds for every event type: names, versions, marks, refusals and the names of the reference registry. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { declarationOf, eventTypes } from './catalogue.ts';
import { type EventTypeDeclaration, erasable, fieldMarks, refusalShape } from './kind.ts';

test('names are area.noun.verb, versions begin at 1', () => {
  for (const type of eventTypes) {
    assert.match(type, /^[a-z]+\.[a-z_]+\.[a-z_]+$/);
    assert.ok(declarationOf(type).version >= 1, type);
  }
});

test('a type with reasons is a refusal and carries what was attempted; one without can only succeed', () => {
  for (const type of eventTypes) {
    const { reasons, details } = declarationOf(type);
    const shape = (details as z.ZodObject).shape;
    assert.equal(reasons.length > 0, Object.hasOwn(shape, 'attempted'), type);
    assert.equal(new Set(reasons).size, reasons.length, `${type} names a reason twice`);
  }
});

test('each switch has exactly the refusals it names, and changes of state are strict', () => {
  const grouped = eventTypes.filter((type) => declarationOf(type).group !== undefined);
  assert.deepEqual(grouped, [
    'account.sign_in.refuse',
    'container.delete.refuse',
    'container.pull.refuse',
    'container.push.refuse',
  ]);
  const relaxed = eventTypes.filter((type) => declarationOf(type).mode === 'relaxed');
  assert.deepEqual(relaxed, ['account.sign_in.succeed']);
});

test('what the reference registry logs of failures has its type here', () => {
  const kinds = eventTypes.flatMap((type) => declarationOf(type).elsewhere.quay ?? []);
  for (const kind of ['login_failure', 'pull_repo_failed', 'push_repo_failed', 'delete_tag_failed']) {
    assert.ok(kinds.includes(kind), kind);
  }
});

test('texts a person chose are marked in every type, and everything restricted is erasable', () => {
  for (const type of eventTypes) {
    const { erasable: all, restricted } = fieldMarks(declarationOf(type));
    for (const pointer of restricted) assert.ok(all.includes(pointer), `${type} ${pointer}`);
    for (const pointer of ['/details/tag', '/details/name', '/details/subject', '/details/message']) {
      const key = pointer.slice('/details/'.length);
      const shape = (declarationOf(type).details as z.ZodObject).shape;
      const isDigest = type === 'container.manifest.push' && key === 'subject';
      if (!Object.hasOwn(shape, key) || isDigest) continue;
      assert.ok(
        all.some((marked) => marked === pointer || marked.startsWith(`${pointer}/`)),
        `${type} ${pointer}`,
      );
    }
  }
});

test('a mark within a list is refused', () => {
  const marked = (details: z.ZodType) => fieldMarks({ details } as EventTypeDeclaration);
  assert.throws(
    () => marked(z.object({ names: z.array(erasable(z.string())) })),
    /mark the list \/details\/names/,
  );
  assert.throws(() => marked(z.object({ all: z.array(z.object(refusalShape)) })), /mark the list/);
  assert.ok(marked(z.object({ names: erasable(z.array(z.string())) })).erasable.includes('/details/names'));
});
