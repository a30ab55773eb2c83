/** The frozen bytes: every vector in tests/vectors/event, and the example that docs/spec/event.md prints. */
import assert from 'node:assert/strict';
import { createHash, hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  compileErasable,
  decodeBase64url,
  decodeUtf8,
  EventError,
  type EventErrorReason,
  encodeBase64url,
  encodeUtf8,
  eventErrorReasons,
  type JsonObject,
  leafHash,
  leafHashText,
  openEvent,
  parseBody,
  portableSha256,
  type Sha256,
  sealEvent,
} from './index.ts';

const root = new URL('../../', import.meta.url);

function readVectors<T>(file: string): T[] {
  const { vectors }: { vectors: T[] } = JSON.parse(
    readFileSync(new URL(`tests/vectors/event/${file}`, root), 'utf8'),
  );
  assert.ok(vectors.length > 0);
  return vectors;
}

const nodeSha256: Sha256 = {
  text: (utf8) => hash('sha256', utf8, 'base64url'),
  bytes: (data) => hash('sha256', data, 'buffer'),
};

type SealedVector = {
  name: string;
  event: JsonObject;
  erasable: string[];
  salts: string[];
  body: string;
  private: string;
  leafHash: string;
};
const sealedVectors = readVectors<SealedVector>('sealed.json');

function takeSalts(salts: readonly string[]): () => string {
  const left = [...salts];
  return () => left.shift() ?? assert.fail('more salts asked for than the vector has');
}

for (const [implementation, sha256] of Object.entries({ node: nodeSha256, portable: portableSha256 })) {
  for (const vector of sealedVectors) {
    test(`sealed with ${implementation}: ${vector.name}`, () => {
      const erasable = compileErasable(vector.erasable);
      // Twice with one compiled set: the second time the layout of the first is remembered.
      for (let round = 0; round < 2; round++) {
        const sealed = sealEvent(vector.event, { erasable, nextSalt: takeSalts(vector.salts), sha256 });
        assert.deepEqual(sealed, { body: vector.body, private: vector.private });
      }
      const opened = openEvent({ body: vector.body, private: vector.private, sha256 });
      assert.deepEqual(opened, { event: vector.event, withheld: [] });
      assert.equal(encodeBase64url(leafHash(encodeUtf8(vector.body), sha256)), vector.leafHash);
      assert.equal(leafHashText(vector.body, sha256), vector.leafHash);
    });
  }
}

for (const vector of sealedVectors) {
  test(`by the specification alone: ${vector.name}`, () => {
    const digests = Object.values(JSON.parse(vector.private) as Record<string, [string, unknown]>).map(
      // No value in these vectors that JSON.stringify would not print canonically, but for the order of keys.
      ([salt, value]) =>
        createHash('sha256')
          .update(`${salt}${JSON.stringify(value)}`)
          .digest('base64url'),
    );
    const standing = [...vector.body.matchAll(/\{"#":"([\w-]{43})"\}/g)].map(([, digest]) => digest);
    assert.deepEqual(standing.toSorted(), digests.toSorted());
    assert.equal(createHash('sha256').update(`\0${vector.body}`).digest('base64url'), vector.leafHash);
  });
}

type OpenedVector = { name: string; body: string; private?: string; event: JsonObject; withheld: string[] };

for (const vector of readVectors<OpenedVector>('opened.json')) {
  test(`opened: ${vector.name}`, () => {
    const { name: _name, event, withheld, ...rows } = vector;
    assert.deepEqual(openEvent({ ...rows, sha256: nodeSha256 }), { event, withheld });
  });
}

/** Pieces and how often each is repeated, for texts too long to print. */
type Text = string | [piece: string, count: number][];
type RefusedVector = { name: string; reason: EventErrorReason; pointer: string } & (
  | { parseBody: Text }
  | { decodeUtf8: string }
  | { decodeBase64url: string }
  | { compileErasable: string[] }
  | { sealEvent: JsonObject; erasable: string[]; salts: string[] }
  | { openEvent: { body: Text; private: Text } }
);
const refusedVectors = readVectors<RefusedVector>('refused.json');

function textOf(text: Text): string {
  return typeof text === 'string' ? text : text.map(([piece, count]) => piece.repeat(count)).join('');
}

function run(vector: RefusedVector): unknown {
  const sha256 = nodeSha256;
  if ('parseBody' in vector) return parseBody(textOf(vector.parseBody));
  if ('decodeUtf8' in vector) return decodeUtf8(decodeBase64url(vector.decodeUtf8));
  if ('decodeBase64url' in vector) return decodeBase64url(vector.decodeBase64url);
  if ('compileErasable' in vector) return compileErasable(vector.compileErasable);
  if ('openEvent' in vector) {
    const { body, private: row } = vector.openEvent;
    return openEvent({ body: textOf(body), private: textOf(row), sha256 });
  }
  const erasable = compileErasable(vector.erasable);
  return sealEvent(vector.sealEvent, { erasable, nextSalt: takeSalts(vector.salts), sha256 });
}

for (const vector of refusedVectors) {
  test(`refused, ${vector.reason}: ${vector.name}`, () => {
    assert.throws(
      () => run(vector),
      (error) => {
        assert.ok(error instanceof EventError);
        assert.deepEqual([error.reason, error.pointer], [vector.reason, vector.pointer]);
        return true;
      },
    );
  });
}

test('every reason that a JSON file can provoke has a vector', () => {
  const notInJson: EventErrorReason[] = ['malformed_digest', 'unsupported_type'];
  const covered = new Set([...refusedVectors.map((vector) => vector.reason), ...notInJson]);
  assert.deepEqual(
    eventErrorReasons.filter((reason) => !covered.has(reason)),
    [],
  );
});

test('docs/spec/event.md prints the worked example and names every reason', () => {
  const page = readFileSync(new URL('docs/spec/event.md', root), 'utf8');
  const [example] = sealedVectors;
  assert.equal(example?.name, 'worked example');
  const blocks = [...page.matchAll(/^```(\w+)\n(.*?)\n```$/gms)].map(([, kind, text]) => `${kind} ${text}`);
  assert.deepEqual(JSON.parse(blocks.find((block) => block.startsWith('json '))!.slice(5)), example.event);
  assert.ok(blocks.includes(`body ${example.body}`), 'the public body');
  assert.ok(blocks.includes(`private ${example.private}`), 'the private row');
  assert.ok(blocks.includes(`leaf ${example.leafHash}`), 'the leaf hash');
  const [salt, name] = JSON.parse(example.private)['/actor/name'];
  assert.ok(blocks.includes(`salted ${salt}${JSON.stringify(name)}`), 'the salted text');
  for (const reason of eventErrorReasons) assert.ok(page.includes(`\`${reason}\``), reason);
});
