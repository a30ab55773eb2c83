/** An auditor's visits: growth is accepted, and every other history is told from it, with the first range that differs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forAll } from '../../../tests/support/seeded-random.ts';
import {
  type Audit,
  type AuditVerdict,
  auditLog,
  encodeUtf8,
  formatRotation,
  formatTilePath,
  type HashTile,
  parseTilePath,
  trustKey,
} from '../index.ts';
import {
  cryptography,
  logKey,
  MemoryLog,
  origin,
  rotate,
  sealedEvent,
  sha256,
  signedAtSec,
} from '../log/log.fixture.ts';

const key = logKey('first', origin);
const trust = trustKey(key.vkey, sha256);
type Signers = typeof key.signers;

/** What a log serves. */
type Served = {
  log: MemoryLog;
  signers?: Signers;
  timeSec?: number;
  origin?: string;
  files?: Record<string, Uint8Array | undefined>;
};

function serve(
  { log, signers = key.signers, files = {}, ...options }: Served,
  path: string,
): Uint8Array | undefined {
  if (path in files) return files[path];
  if (path === 'checkpoint') return encodeUtf8(log.checkpoint(signers, options));
  if (!path.startsWith('tile/')) return undefined;
  const tile = parseTilePath(path) as HashTile;
  const bytes = log.tile(tile);
  return bytes.length === tile.width * 32 ? bytes : undefined;
}

/** Keeps what the verdict says, as a folder would. */
class Auditor {
  readonly files = new Map<string, Uint8Array>();
  readonly elsewhere = new Map<string, Uint8Array>();
  readonly #audit: Partial<Audit>;
  asked = 0;

  constructor(audit: Partial<Audit> = {}) {
    this.#audit = audit;
  }

  visit(served: Served, change: Partial<Audit> = {}): AuditVerdict {
    const reading = auditLog({ trust, ...cryptography, nowSec: signedAtSec, ...this.#audit, ...change });
    this.asked = 0;
    let step = reading.next();
    while (!step.done) {
      const { from, path } = step.value;
      this.asked++;
      if (from === 'elsewhere') step = reading.next(this.elsewhere.get(path));
      else step = reading.next(from === 'kept' ? this.files.get(path) : serve(served, path));
    }
    const verdict = step.value;
    if ('keep' in verdict) {
      for (const { path, bytes } of verdict.keep) this.files.set(path, bytes);
      for (const path of verdict.drop) this.files.delete(path);
    }
    return verdict;
  }
}

function told(verdict: AuditVerdict): unknown[] {
  if (verdict.verdict === 'refused') return ['refused', verdict.error.reason];
  const { verdict: word, kept, checkpoint } = verdict;
  const sizes = [word, kept?.size ?? 0, checkpoint.size];
  return 'differing' in verdict ? [...sizes, verdict.differing.from, verdict.differing.to] : sizes;
}

function history(size: number, change: (index: number) => string = () => ''): MemoryLog {
  const log = new MemoryLog();
  for (let index = 0; index < size; index++) log.add(`entry ${index}${change(index)}`);
  return log;
}

const most = 3000;
const right = history(most);

test('growth by growth, each visit is accepted, and only what is new is asked for', async () => {
  await forAll(25, (random) => {
    const keepLevel = random.pick([0, 1] as const);
    const auditor = new Auditor({ keepLevel });
    const sizes = Array.from({ length: 5 }, () => random.integer({ min: 0, max: most })).sort(
      (a, b) => a - b,
    );
    let last: number | undefined;
    for (const size of sizes) {
      const expected =
        last === undefined ? ['first', 0, size] : [last === size ? 'unchanged' : 'accepted', last, size];
      assert.deepEqual(told(auditor.visit({ log: right.cut(size) })), expected);
      last = size;
      const tiles = [...auditor.files.keys()].filter((path) => path.startsWith('tile/'));
      // No partial tile is left behind, and level 0 is kept only when it was asked for, but for the edge.
      assert.ok(tiles.filter((path) => path.includes('.p/')).length <= 2);
      assert.equal(
        tiles.filter((path) => /^tile\/0\/\d+$/.test(path)).length,
        keepLevel === 0 ? Math.floor(size / 256) : 0,
      );
    }
    assert.deepEqual(told(auditor.visit({ log: right.cut(last!) })), ['unchanged', last, last]);
    assert.equal(auditor.asked, 4);
  });
});

const forks: [name: string, index: number, keepLevel: 0 | 1, range: [number, number]][] = [
  ['in a full tile: 256 events', 700, 1, [512, 768]],
  ['in a full tile, with level 0: the index', 700, 0, [700, 701]],
  ['in the first tile', 0, 1, [0, 256]],
  ['in the partial tile that is kept: the index', 2048 + 7, 1, [2055, 2056]],
];
for (const [name, index, keepLevel, [from, to]] of forks) {
  for (const newSize of [2100, 2101, 3000]) {
    test(`a changed event, tree recomputed and signed again, ${name}, ${newSize}`, () => {
      const auditor = new Auditor({ keepLevel });
      auditor.visit({ log: right.cut(2100) });
      const before = new Map(auditor.files);
      const altered = history(newSize, (at) => (at === index ? 'x' : ''));
      const verdict = auditor.visit({ log: altered });
      assert.deepEqual(told(verdict), ['fork', 2100, newSize, from, to]);
      assert.ok(verdict.verdict === 'fork');
      assert.deepEqual([verdict.kept.size, verdict.checkpoint.size], [2100, newSize]);
      assert.notEqual(verdict.kept.note, verdict.checkpoint.note);
      // The kept history stays: the next visit says the same.
      assert.deepEqual(auditor.files, before);
      assert.deepEqual(told(auditor.visit({ log: altered })), told(verdict));
    });
  }
}

test('an event removed, inserted, swapped: the tree differs from there on', () => {
  const without = new MemoryLog();
  const withMore = new MemoryLog();
  const swapped = new MemoryLog();
  for (let index = 0; index < most; index++) {
    if (index !== 1000) without.add(`entry ${index}`);
    withMore.add(`entry ${index}`);
    if (index === 1000) withMore.add('more');
    swapped.add(`entry ${index === 1000 ? 1001 : index === 1001 ? 1000 : index}`);
  }
  for (const [log, first] of [
    [without, 1000],
    [withMore, 1001],
    [swapped, 1000],
  ] as const) {
    const auditor = new Auditor({ keepLevel: 0 });
    auditor.visit({ log: right.cut(2500) });
    assert.deepEqual(told(auditor.visit({ log })), ['fork', 2500, log.size, first, first + 1]);
  }
});

test('a rolled-back copy: what is gone, and after it grew again, where it left the history', () => {
  const auditor = new Auditor();
  auditor.visit({ log: right.cut(2100) });
  assert.deepEqual(told(auditor.visit({ log: right.cut(1500) })), ['rollback', 2100, 1500, 1500, 2100]);
  assert.deepEqual(told(auditor.visit({ log: right.cut(0) })), ['rollback', 2100, 0, 0, 2100]);
  const grown = history(2500, (at) => (at >= 1500 ? ' again' : ''));
  assert.deepEqual(told(auditor.visit({ log: grown })), ['fork', 2100, 2500, 1280, 1536]);
  assert.deepEqual(told(auditor.visit({ log: grown.cut(1800) })), ['fork', 2100, 1800, 1280, 1536]);
  // The history as it was is still accepted.
  assert.deepEqual(told(auditor.visit({ log: right })), ['accepted', 2100, 3000]);
});

test('a random change anywhere is found, and the range holds it', async () => {
  await forAll(40, (random) => {
    const keepLevel = random.pick([0, 1] as const);
    const auditor = new Auditor({ keepLevel });
    const keptSize = random.integer({ min: 1, max: most });
    const index = random.integer({ min: 0, max: keptSize - 1 });
    auditor.visit({ log: right.cut(keptSize) });
    const size = random.integer({ min: index + 1, max: most });
    const verdict = auditor.visit({ log: history(size, (at) => (at === index ? 'x' : '')) });
    assert.ok(
      verdict.verdict === 'fork' || (verdict.verdict === 'rollback' && size < keptSize && size - index < 256),
    );
    if (verdict.verdict !== 'fork') return;
    const { from, to } = verdict.differing;
    assert.ok(
      from <= index && index < to && to - from <= (keepLevel === 0 ? 1 : 256),
      `${from} ${index} ${to}`,
    );
  });
});

const stranger = logKey('stranger', origin);
const grown = { log: right };
const flipped = (path: string) => {
  const bytes = serve(grown, path)!;
  return { [path]: bytes.with(5, bytes[5]! ^ 1) };
};
const refusals: [name: string, reason: string, served: Served, change?: Partial<Audit>][] = [
  ['another key', 'no_trusted_signature', { ...grown, signers: stranger.signers }],
  [
    'another log',
    'wrong_origin',
    { ...grown, signers: logKey('first', 'other.example/log').signers, origin: 'other.example/log' },
  ],
  ['no checkpoint', 'missing_file', { ...grown, files: { checkpoint: undefined } }],
  [
    'a checkpoint that is none',
    'malformed_note',
    { ...grown, files: { checkpoint: encodeUtf8('<html></html>') } },
  ],
  [
    'a checkpoint that is not UTF-8',
    'malformed_note',
    { ...grown, files: { checkpoint: new Uint8Array([0xff]) } },
  ],
  ['a time to come', 'future_dated', { ...grown, timeSec: signedAtSec + 301 }],
  ['a time before the kept one', 'backdated', { ...grown, timeSec: signedAtSec - 1 }],
  ['no time', 'missing_timestamp', { ...grown, signers: key.signers.slice(0, 1) }],
  ['a changed tile of the edge', 'tiles_mismatch', { ...grown, files: flipped('tile/0/011.p/184') }],
  ['a changed tile above', 'tiles_mismatch', { ...grown, files: flipped('tile/1/000.p/11') }],
  ['a changed tile where the kept tree ends', 'tiles_mismatch', { ...grown, files: flipped('tile/0/008') }],
  [
    'a missing tile',
    'missing_file',
    { ...grown, files: { 'tile/1/000.p/11': undefined, 'tile/1/000': undefined } },
  ],
  [
    'a tile that is too short',
    'wrong_tile_length',
    { ...grown, files: { 'tile/1/000.p/11': new Uint8Array(32) } },
  ],
  ['rotations that are none', 'malformed_rotation', { ...grown, files: { rotations: encodeUtf8('{}\n') } }],
  ['rotations that are cut off', 'malformed_rotation', { ...grown, files: { rotations: encodeUtf8('{}') } }],
];
for (const [name, reason, served, change] of refusals) {
  test(`refused, ${reason}: ${name}`, () => {
    const auditor = new Auditor();
    auditor.visit({ log: right.cut(2100) });
    const before = new Map(auditor.files);
    assert.deepEqual(told(auditor.visit(served, change)), ['refused', reason]);
    assert.deepEqual(auditor.files, before);
  });
}

test('another root of the kept size is a fork, also of a log that shows no tiles, or others', () => {
  const auditor = new Auditor();
  auditor.visit({ log: right.cut(2100) });
  const before = new Map(auditor.files);
  const fork = history(2100, (index) => (index === 700 ? ' changed' : ''));
  assert.deepEqual(told(auditor.visit({ log: fork })), ['fork', 2100, 2100, 512, 768]);
  const without = { 'tile/1/000.p/8': undefined, 'tile/1/000': undefined };
  assert.deepEqual(told(auditor.visit({ log: fork, files: without })), ['fork', 2100, 2100, 0, 2100]);
  const others = { 'tile/1/000.p/8': right.tile({ level: 1, n: 0, width: 8 }) };
  assert.deepEqual(told(auditor.visit({ log: fork, files: others })), ['fork', 2100, 2100, 0, 2100]);
  assert.deepEqual(auditor.files, before);
});

test('an earlier signature of the same size, shown again, does not make room for backdating', () => {
  const auditor = new Auditor({ nowSec: signedAtSec + 100 });
  auditor.visit({ log: right.cut(2100), timeSec: signedAtSec + 100 });
  const again = { log: right.cut(2100), timeSec: signedAtSec };
  assert.deepEqual(told(auditor.visit(again)), ['unchanged', 2100, 2100]);
  const backdated = { log: right, timeSec: signedAtSec + 50 };
  assert.deepEqual(told(auditor.visit(backdated)), ['refused', 'backdated']);
});

test('a full tile stands in for a partial one that the log forgot', () => {
  const auditor = new Auditor();
  const path = 'tile/0/008.p/52';
  const full = { [path]: undefined, 'tile/0/008': right.tile({ level: 0, n: 8, width: 256 }) };
  assert.deepEqual(told(auditor.visit({ log: right.cut(2100), files: full })), ['first', 0, 2100]);
  assert.deepEqual(auditor.files.get(path), right.tile({ level: 0, n: 8, width: 52 }));
});

test('a kept folder that was damaged is named, not believed', () => {
  const auditor = new Auditor();
  auditor.visit({ log: right.cut(2100) });
  auditor.files.set('checkpoint', encodeUtf8('nothing\n'));
  const verdict = auditor.visit(grown);
  assert.ok(verdict.verdict === 'refused');
  assert.deepEqual([verdict.error.reason, verdict.error.place], ['malformed_note', 'the kept checkpoint']);
});

test('the key is followed through rotations, which are kept; another rotation of the old key then leads nowhere', () => {
  const second = logKey('second', origin);
  const log = right.cut(2000);
  const rotation = rotate(log, { from: key, to: second, number: 1 });
  const rotations = encodeUtf8(`${formatRotation(rotation)}\n`);
  const auditor = new Auditor();
  auditor.visit({ log: right.cut(2000) });
  assert.deepEqual(told(auditor.visit({ log, signers: second.signers })), [
    'refused',
    'no_trusted_signature',
  ]);
  const served = { log, signers: second.signers, files: { rotations } };
  assert.deepEqual(told(auditor.visit(served)), ['accepted', 2000, 2001]);
  assert.deepEqual(auditor.files.get('rotations'), rotations);
  assert.deepEqual(told(auditor.visit(served)), ['unchanged', 2001, 2001]);
  // Whoever holds the old key announces a third one, in a history that continues the right one up to the handover.
  const forged = log.cut(2001);
  const thief = rotate(forged, { from: key, to: stranger, number: 2 });
  forged.add(sealedEvent(3).body);
  const theirs = encodeUtf8(`${formatRotation(thief)}\n`);
  assert.deepEqual(
    told(auditor.visit({ log: forged, signers: stranger.signers, files: { rotations: theirs } })),
    ['refused', 'no_trusted_signature'],
  );
  assert.deepEqual(told(auditor.visit({ log: forged, signers: key.signers, files: { rotations: theirs } })), [
    'refused',
    'retired_key',
  ]);
});

test('checkpoints kept elsewhere: a fork lies between the last that fits and the first that does not', () => {
  const auditor = new Auditor();
  const sizes = Array.from({ length: 30 }, (_, at) => (at + 1) * 70);
  for (const size of sizes)
    auditor.elsewhere.set(`${size}`, encodeUtf8(right.checkpoint(key.signers, { size })));
  const elsewhere = [...auditor.elsewhere.keys()];
  assert.deepEqual(told(auditor.visit({ log: right }, { elsewhere })), ['first', 0, 3000]);
  assert.deepEqual(told(auditor.visit({ log: right }, { elsewhere })), ['unchanged', 3000, 3000]);
  const outsider = new Auditor();
  for (const [name, note] of auditor.elsewhere) outsider.elsewhere.set(name, note);
  for (const [index, from, to] of [
    [0, 0, 70],
    [69, 0, 70],
    [70, 70, 140],
    [1000, 980, 1050],
    [2099, 2030, 2100],
  ]) {
    const altered = history(2500, (at) => (at === index ? 'x' : ''));
    assert.deepEqual(told(outsider.visit({ log: altered }, { elsewhere })), ['fork', to, 2500, from, to]);
  }
  assert.equal(outsider.files.size, 0);
  assert.deepEqual(told(outsider.visit({ log: right.cut(1500) }, { elsewhere })), [
    'rollback',
    2100,
    1500,
    1500,
    2100,
  ]);
  assert.deepEqual(told(outsider.visit({ log: right }, { elsewhere: ['gone'] })), [
    'refused',
    'missing_file',
  ]);
  outsider.elsewhere.set('theirs', encodeUtf8(right.checkpoint(stranger.signers)));
  assert.deepEqual(told(outsider.visit({ log: right }, { elsewhere: ['theirs'] })), [
    'refused',
    'no_trusted_signature',
  ]);
});

test('a path of a tile is asked for once', () => {
  const auditor = new Auditor();
  const seen: string[] = [];
  const log = right.cut(2100);
  const reading = auditLog({ trust, ...cryptography, nowSec: signedAtSec });
  let step = reading.next();
  while (!step.done) {
    const { from, path } = step.value;
    seen.push(`${from} ${path}`);
    step = reading.next(from === 'kept' ? auditor.files.get(path) : serve({ log }, path));
  }
  assert.equal(new Set(seen).size, seen.length);
  assert.ok(seen.includes(`log ${formatTilePath({ level: 1, n: 0, width: 8 })}`));
});
