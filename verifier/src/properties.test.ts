/** What holds for every value and every input, tried with seeded random ones: a failure names the seed to run again. */
import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import {
  canonicalize,
  compileErasable,
  decodeUtf8,
  EventError,
  encodeUtf8,
  type Json,
  type JsonObject,
  maxBodyBytes,
  openEvent,
  parseBody,
  type SealedEvent,
  sealEvent,
} from './index.ts';
import { formatToken } from './pointer.ts';

const sha256 = { text: (utf8: string) => hash('sha256', utf8, 'base64url') };
const seeds = [...Array(400).keys()];

/** mulberry32: small, and the same on every machine. */
class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed * 0x9e3779b1;
  }

  /** An integer from 0 up to, not including, `bound`. */
  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * bound);
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }
}

const letters = [
  ...'abcXYZ019 -_./~#"\\\u0000\u0008\t\n\u001f\u007f\u0080é€\u2028\ud7ff\ue000\ufb33\uffff',
  '\u{1f600}',
  '\u{10ffff}',
];
const integers = [0, 1, -1, 42, 2 ** 31, -(2 ** 31), Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER];
const awkwardKeys = ['__proto__', 'constructor', 'toString', 'length', '0', '10', '9', '', 'a/b', '~', '~1'];

function randomText(random: Random): string {
  return Array.from({ length: random.below(8) }, () => random.pick(letters)).join('');
}

function randomKey(random: Random): string {
  const key = random.below(4) === 0 ? random.pick(awkwardKeys) : randomText(random);
  return key === '#' ? '##' : key;
}

function randomObject(random: Random, depth: number): JsonObject {
  const entries = Array.from({ length: random.below(6) }, (): [string, Json] => [
    randomKey(random),
    randomJson(random, depth),
  ]);
  return Object.fromEntries(entries);
}

function randomJson(random: Random, depth: number): Json {
  switch (random.below(depth > 0 ? 5 : 3)) {
    case 0:
      return randomText(random);
    case 1:
      return random.pick(integers);
    case 2:
      return random.below(2) === 0;
    case 3:
      return Array.from({ length: random.below(4) }, () => randomJson(random, depth - 1));
    default:
      return randomObject(random, depth - 1);
  }
}

function randomEvent(random: Random): JsonObject {
  return {
    v: 1,
    id: '019ab1f0-1c2d-7e3f-8a4b-5c6d7e8f9a0b',
    type: 'system.check.run',
    version: 1,
    occurredAt: '2026-11-22T04:24:43.123456Z',
    recordedAt: '2026-11-22T04:24:43.123456Z',
    outcome: 'success',
    actor: randomObject(random, 2),
    credential: randomObject(random, 1),
    scope: randomObject(random, 2),
    request: randomObject(random, 1),
    details: randomObject(random, 5),
  };
}

/** Pointers of fields that may be erasable, none within another, some absent from the event. */
function randomPointers(random: Random, event: JsonObject): string[] {
  const pointers: string[] = [];
  const visit = (value: Json, pointer: string): void => {
    if (typeof value !== 'object') return;
    for (const [key, member] of Object.entries(value)) {
      const place = pointer + formatToken(key);
      if (random.below(3) === 0) pointers.push(place);
      else visit(member, place);
    }
  };
  for (const name of ['actor', 'credential', 'scope', 'request', 'details']) visit(event[name]!, `/${name}`);
  return [...pointers, '/target/name', '/details/absent/field'];
}

function sealRandom(seed: number): { event: JsonObject; pointers: string[]; sealed: SealedEvent } {
  const random = new Random(seed);
  const event = randomEvent(random);
  const pointers = randomPointers(random, event);
  let salts = 0;
  const nextSalt = () => hash('sha256', `${seed} ${salts++}`, 'base64url').slice(0, 22);
  return {
    event,
    pointers,
    sealed: sealEvent(event, { erasable: compileErasable(pointers), nextSalt, sha256 }),
  };
}

/** RFC 8785 for what an event may hold, said as plainly as can be. */
function referenceCanonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(referenceCanonical).join()}]`;
  if (typeof value !== 'object') return JSON.stringify(value);
  const members = Object.entries(value).map(([key, member]): [string, string] => [
    key,
    `${JSON.stringify(key)}:${referenceCanonical(member)}`,
  ]);
  const utf16 = (key: string) => Buffer.from(key, 'utf16le').swap16();
  members.sort(([left], [right]) => Buffer.compare(utf16(left), utf16(right)));
  return `{${members.map(([, text]) => text).join()}}`;
}

function shuffled(random: Random, value: Json): Json {
  if (typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((element) => shuffled(random, element));
  const entries = Object.entries(value).map(([key, member]): [string, Json] => [
    key,
    shuffled(random, member),
  ]);
  for (let index = entries.length - 1; index > 0; index--) {
    const other = random.below(index + 1);
    [entries[index], entries[other]] = [entries[other]!, entries[index]!];
  }
  return Object.fromEntries(entries);
}

test('canonical text: parses to the same value, is its own canonical text, and no order of keys changes it', () => {
  for (const seed of seeds) {
    const random = new Random(seed);
    const value = randomJson(random, 6);
    const text = canonicalize(value);
    assert.equal(text, referenceCanonical(value), `seed ${seed}`);
    assert.deepEqual(JSON.parse(text), value, `seed ${seed}`);
    assert.equal(canonicalize(shuffled(random, value)), text, `seed ${seed}`);
  }
});

test('sealed events parse, open to the event, and withhold every erasable field without their private row', () => {
  for (const seed of seeds) {
    const { event, pointers, sealed } = sealRandom(seed);
    assert.equal(referenceCanonical(parseBody(sealed.body)), sealed.body, `seed ${seed}`);
    assert.equal(canonicalize(JSON.parse(sealed.private)), sealed.private, `seed ${seed}`);
    assert.deepEqual(openEvent({ ...sealed, sha256 }), { event, withheld: [] }, `seed ${seed}`);
    const present = Object.keys(JSON.parse(sealed.private));
    assert.ok(
      present.every((pointer) => pointers.includes(pointer)),
      `seed ${seed}`,
    );
    assert.deepEqual(
      openEvent({ body: sealed.body, sha256 }).withheld.toSorted(),
      present.toSorted(),
      `seed ${seed}`,
    );
  }
});

test('any part of a private row opens exactly its fields', () => {
  for (const seed of seeds) {
    const { sealed } = sealRandom(seed);
    const random = new Random(seed);
    const entries = Object.entries(JSON.parse(sealed.private) as JsonObject);
    const [shown, hidden] = [
      entries.filter(() => random.below(2) === 0),
      new Set(entries.map(([key]) => key)),
    ];
    for (const [key] of shown) hidden.delete(key);
    const part = canonicalize(Object.fromEntries(shown));
    const opened = openEvent({ body: sealed.body, private: part, sha256 });
    assert.deepEqual(new Set(opened.withheld), hidden, `seed ${seed}`);
  }
});

const spliced = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"',
  '\\',
  '#',
  '0',
  '-',
  'e',
  ' ',
  '\0',
  'é',
  '{"#":"',
  'null',
  '\\ud800',
];

function mutated(random: Random, bytes: Uint8Array): Uint8Array {
  const at = random.below(bytes.length);
  const length = random.below(12);
  switch (random.below(5)) {
    case 0:
      return bytes.with(at, random.below(256));
    case 1:
      return bytes.with(at, bytes[at]! ^ (1 << random.below(8)));
    case 2:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
    case 3:
      return Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
    default:
      return Buffer.concat([bytes.subarray(0, at), encodeUtf8(random.pick(spliced)), bytes.subarray(at)]);
  }
}

/** The result, or undefined when it was refused; any other error fails the test. */
function accepted<T>(run: () => T, note: string): T | undefined {
  try {
    return run();
  } catch (error) {
    assert.ok(error instanceof EventError, `${note}: ${String(error)}`);
    return undefined;
  }
}

test('a mutated body is refused, or is the one text of another value', () => {
  let refused = 0;
  for (const seed of seeds) {
    const { sealed } = sealRandom(seed);
    const random = new Random(seed);
    for (let round = 0; round < 50; round++) {
      const bytes = mutated(random, encodeUtf8(sealed.body));
      const note = `seed ${seed} round ${round}`;
      const event = accepted(() => parseBody(decodeUtf8(bytes)), note);
      if (event === undefined) refused++;
      else assert.deepEqual(encodeUtf8(referenceCanonical(event)), new Uint8Array(bytes), note);
    }
  }
  assert.ok(refused > seeds.length * 25);
});

test('a mutated private row is refused, or shows only what was sealed', () => {
  for (const seed of seeds) {
    const { event, sealed } = sealRandom(seed);
    const random = new Random(seed);
    for (let round = 0; round < 25; round++) {
      const bytes = mutated(random, encodeUtf8(sealed.private));
      const note = `seed ${seed} round ${round}`;
      const opened = accepted(
        () => openEvent({ body: sealed.body, private: decodeUtf8(bytes), sha256 }),
        note,
      );
      if (opened === undefined || opened.withheld.length > 0) continue;
      assert.deepEqual(opened.event, event, note);
    }
  }
});

test('a row whose entries were exchanged, or given to another body, opens nothing wrong', () => {
  for (const seed of seeds) {
    const { sealed } = sealRandom(seed);
    const other = sealRandom(seed + seeds.length).sealed;
    const crossed = accepted(
      () => openEvent({ body: sealed.body, private: other.private, sha256 }),
      `seed ${seed}`,
    );
    // Only a row that opens nothing fits two bodies: salts are never used twice.
    assert.equal(crossed === undefined, other.private !== '{}', `seed ${seed}`);
  }
});

test('random bytes never crash the parsers', () => {
  for (const seed of seeds) {
    const random = new Random(seed);
    const text = Array.from({ length: random.below(200) }, () => random.pick(spliced)).join('');
    const note = `seed ${seed}`;
    assert.equal(
      accepted(() => parseBody(text), note),
      undefined,
    );
    accepted(() => openEvent({ body: sealRandom(0).sealed.body, private: text, sha256 }), note);
  }
});

test('a body may have exactly 32,768 bytes', () => {
  const event = randomEvent(new Random(1));
  const seal = (details: JsonObject) =>
    sealEvent({ ...event, details }, { erasable: compileErasable([]), nextSalt: () => '', sha256 }).body;
  const room = maxBodyBytes - encodeUtf8(seal({ text: '' })).length;
  const largest = seal({ text: 'x'.repeat(room) });
  assert.equal(encodeUtf8(largest).length, maxBodyBytes);
  assert.deepEqual(parseBody(largest).details, { text: 'x'.repeat(room) });
  assert.throws(() => seal({ text: 'x'.repeat(room + 1) }), { reason: 'too_large' });
});

const loop: { self?: unknown } = {};
loop.self = loop;
const foreign: [name: string, value: unknown, reason: string][] = [
  ['undefined', undefined, 'unsupported_type'],
  ['a member that is undefined', { a: undefined }, 'unsupported_type'],
  ['a hole in a list', new Array(1), 'unsupported_type'],
  ['a function', () => 1, 'unsupported_type'],
  ['a symbol', Symbol('a'), 'unsupported_type'],
  ['a bigint', 1n, 'unsupported_type'],
  ['a Date', new Date(0), 'unsupported_type'],
  ['a Map', new Map(), 'unsupported_type'],
  ['bytes', new Uint8Array(1), 'unsupported_type'],
  ['a boxed text', Object('a'), 'unsupported_type'],
  ['NaN', Number.NaN, 'not_an_integer'],
  ['Infinity', Number.POSITIVE_INFINITY, 'not_an_integer'],
  ['a value that contains itself', loop, 'too_deep'],
];
for (const [name, value, reason] of foreign) {
  test(`no event holds ${name}`, () => {
    assert.throws(() => canonicalize(value as Json), { name: 'EventError', reason });
    const event = { ...randomEvent(new Random(1)), details: { value } };
    for (const pointers of [[], ['/details/value'], ['/details/value/a']]) {
      const sealing = { erasable: compileErasable(pointers), nextSalt: () => 'A'.repeat(22), sha256 };
      assert.throws(() => sealEvent(event, sealing), { name: 'EventError', reason });
    }
  });
}

test('a hash that answers in hexadecimal is refused before anything is recorded', () => {
  const sealing = {
    erasable: compileErasable(['/details/a']),
    nextSalt: () => 'A'.repeat(22),
    sha256: { text: (utf8: string) => hash('sha256', utf8, 'hex') },
  };
  const event = { ...randomEvent(new Random(1)), details: { a: 'x' } };
  assert.throws(() => sealEvent(event, sealing), { reason: 'malformed_digest', pointer: '/details/a' });
});

test('minus zero is written as zero', () => {
  assert.equal(canonicalize([-0]), '[0]');
});

test('many unknown keys change nothing but speed', () => {
  const keys = Array.from({ length: 3000 }, (_, index) => `key ${index}`);
  const value = Object.fromEntries(keys.map((key): [string, Json] => [key, 1]));
  assert.equal(canonicalize(value), referenceCanonical(value));
  assert.equal(canonicalize(value), referenceCanonical(value));
});

test('an error quotes no value', () => {
  const { sealed } = sealRandom(3);
  const secret = 'Alice-in-Ulm';
  for (const text of [
    `{"a":"${secret}`,
    `{"a":"${secret}", }`,
    sealed.body.replace('"system.check.run"', `"${secret}"`),
  ]) {
    assert.throws(
      () => parseBody(text),
      (error) =>
        error instanceof EventError &&
        !JSON.stringify([error.message, error.stack]).includes(secret) &&
        error.cause === undefined,
    );
  }
});
