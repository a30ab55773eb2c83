/** Evidence bundles: what is right is opened, and whatever was done to one is refused with the precise reason. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forAll, type SeededRandom } from '../../../tests/support/seeded-random.ts';
import {
  type BundleVerification,
  discloseEntries,
  type EventError,
  encodeUtf8,
  formatBundleHead,
  LogError,
  parseBundleHead,
  parseBundleLine,
  type SealedEvent,
  splitLines,
  trustKey,
  type VerifiedBundle,
  verifyBundle,
} from '../index.ts';
import {
  type BundleMaking,
  bundleLines,
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
const log = new MemoryLog();
const rows = new Map<number, SealedEvent>();
for (let number = 0; number < 50; number++) {
  rows.set(number, sealedEvent(number));
  log.add(rows.get(number)!.body);
}
const chosen = (...indexes: number[]) => new Map(indexes.map((index) => [index, rows.get(index)!]));
const making: BundleMaking = { log, rows: chosen(3, 4, 17, 49), signers: key.signers, keys: [key.vkey] };

type Options = Partial<BundleVerification>;

function verify(lines: readonly string[], options: Options = {}): VerifiedBundle {
  return verifyText(lines.join(''), options);
}

function verifyText(text: string | Uint8Array, options: Options = {}): VerifiedBundle {
  const bytes = typeof text === 'string' ? encodeUtf8(text) : text;
  const given = { trust: trustKey(key.vkey, sha256), ...cryptography, nowSec: signedAtSec, ...options };
  return verifyBundle(splitLines([bytes]), given);
}

function refused(reason: string, run: () => unknown): LogError {
  let found: unknown;
  assert.throws(run, (error) => {
    found = error;
    assert.ok(error instanceof LogError, String(error));
    assert.equal(error.reason, reason);
    return true;
  });
  return found as LogError;
}

test('a bundle tells its checkpoint and each event with what was disclosed', () => {
  const events: unknown[] = [];
  const result = verify(bundleLines(making), {
    onEvent: ({ index, withheld }) => events.push([index, withheld]),
  });
  assert.deepEqual([result.checkpoint.size, result.events, result.linked], [50, 4, undefined]);
  assert.deepEqual(
    events,
    [3, 4, 17, 49].map((index) => [index, []]),
  );
});

test('its maker chooses what of each private row is disclosed', () => {
  const part = new Map(
    [...making.rows].map(([index, row]): [number, SealedEvent] => [
      index,
      {
        ...row,
        private: discloseEntries(row.private, (pointer) => index === 17 && pointer === '/actor/name'),
      },
    ]),
  );
  const lines = bundleLines({ ...making, rows: part });
  const withheld: [number, string[]][] = [];
  verify(lines, { onEvent: (event) => withheld.push([event.index, event.withheld]) });
  const both = ['/actor/name', '/request/ip'];
  assert.deepEqual(withheld, [
    [3, both],
    [4, both],
    [17, ['/request/ip']],
    [49, both],
  ]);
  assert.ok(!lines.join('').includes('192.0.2.17'));
});

test('any choice of events of any log, however many, has a proof', async () => {
  await forAll(150, (random) => {
    const size = random.integer({ min: 0, max: 50 });
    const share = random.next();
    const some = [...Array(size).keys()].filter(() => random.next() < share);
    const result = verify(bundleLines({ ...making, log: log.cut(size), rows: chosen(...some) }));
    assert.deepEqual([result.events, result.checkpoint.size], [some.length, size]);
  });
});

test('30,000 events of a log of twice as many: the proof grows with the events, not with their square', () => {
  const large = new MemoryLog();
  const all: SealedEvent[] = [];
  for (let number = 0; number < 60_000; number++) {
    const row = number % 2 === 0 ? sealedEvent(number) : { body: `${number}`, private: '{}' };
    all.push(row);
    large.add(row.body);
  }
  const every = new Map(
    all.flatMap((row, index): [number, SealedEvent][] => (index % 2 === 0 ? [[index, row]] : [])),
  );
  const lines = bundleLines({ ...making, log: large, rows: every });
  const hashes = lines
    .slice(1)
    .reduce((sum, line) => sum + parseBundleLine(line.slice(0, -1)).range.length, 0);
  assert.equal(hashes, 30_000);
  assert.equal(verify(lines).events, 30_000);
});

test('an earlier checkpoint, and one that was kept', () => {
  const earlier = { size: 20, signers: key.signers, timeSec: signedAtSec - 60 };
  const lines = bundleLines({ ...making, earlier });
  assert.equal(verify(lines).earlier?.size, 20);
  const at = (size: number, root = log.root(size)) => verify(lines, { kept: { size, root } }).linked;
  assert.deepEqual([at(50), at(20), at(21)], [true, true, false]);
  refused('fork', () => at(20, log.root(19)));
  refused('fork', () => at(50, log.root(19)));
  refused('backdated', () =>
    verify(bundleLines({ ...making, earlier: { ...earlier, timeSec: signedAtSec + 1 } })),
  );
  const head = parseBundleHead(lines[0]!.slice(0, -1));
  const changed = {
    ...head,
    consistency: { ...head.consistency!, proof: log.consistency(20).map(() => log.root()) },
  };
  refused('old_root_mismatch', () => verify([formatBundleHead(changed), ...lines.slice(1)]));
  const fork = log.cut(49);
  fork.add(sealedEvent(99).body);
  const two = { ...head, consistency: { checkpoint: fork.checkpoint(key.signers), proof: [] } };
  refused('fork', () => verify([formatBundleHead(two), ...lines.slice(1)]));
});

test('rotations are followed to the key that signed', () => {
  const history = log.cut(50);
  const second = logKey('second', origin);
  const rotation = rotate(history, { from: key, to: second, number: 50 });
  history.add(sealedEvent(51).body);
  const rotated: BundleMaking = { ...making, log: history, signers: second.signers, rotations: [rotation] };
  const result = verify(bundleLines(rotated));
  assert.equal(result.trust.keys.length, 2);
  refused('no_trusted_signature', () => verify(bundleLines({ ...rotated, rotations: [] })));
  refused('retired_key', () => verify(bundleLines({ ...rotated, signers: key.signers })));
  const forged = { ...rotation, proof: rotation.proof.replace('\n51\n', '\n52\n') };
  refused('rotation_refused', () => verify(bundleLines({ ...rotated, rotations: [forged] })));
});

const lines = bundleLines(making);
const [head, third, fourth, seventeenth, last, end] = lines as [
  string,
  string,
  string,
  string,
  string,
  string,
];

const tooLarge: [name: string, lines: readonly string[]][] = [
  ['a line', [head, `{"body":"${'x'.repeat(262_144)}"}\n`]],
  ['a line without end', [head, `{"body":"${'x'.repeat(8_388_608)}`]],
  ['a head without end', [`{"format":"${'x'.repeat(8_388_608)}`]],
];
for (const [name, given] of tooLarge) {
  test(`refused, too_large: ${name}`, () => {
    refused('too_large', () => verify(given));
  });
}

test('bytes that are not UTF-8, and the line they are in', () => {
  const bytes = encodeUtf8(lines.join(''));
  const at = head.length + 40;
  const error = refused('malformed_bundle', () => verifyText(bytes.with(at, 0xff)));
  assert.equal((error.cause as EventError).reason, 'not_utf8');
  assert.equal(
    refused('event_refused', () =>
      verify([head, third, fourth.replace('192.0.2.17', 'x'), seventeenth, last, end]),
    ).place,
    'line 3',
  );
});

test('lines come out the same however the bytes are cut', async () => {
  const text = lines.join('');
  const bytes = encodeUtf8(text);
  await forAll(30, (random) => {
    const chunks: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; ) {
      const next = Math.min(bytes.length, at + random.integer({ min: 0, max: 700 }));
      chunks.push(bytes.subarray(at, next));
      at = next;
    }
    assert.equal([...splitLines(chunks)].map((line) => `${line}\n`).join(''), text);
  });
  assert.deepEqual([...splitLines([])], []);
  refused('too_large', () => [...splitLines([encodeUtf8('12345\n123456\n')], 5)]);
});

function mutate(random: SeededRandom, bytes: Uint8Array): Uint8Array {
  const at = random.integer({ min: 0, max: bytes.length - 1 });
  const length = random.integer({ min: 1, max: 30 });
  const from = random.integer({ min: 0, max: bytes.length - 1 });
  switch (random.integer({ min: 0, max: 4 })) {
    case 0:
      return bytes.with(at, bytes[at]! ^ (1 << random.integer({ min: 0, max: 7 })));
    case 1:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
    case 2:
      return bytes.subarray(0, at);
    case 3:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(from, from + length), bytes.subarray(at)]);
    default:
      return Buffer.concat([bytes.subarray(0, at), random.bytes(length), bytes.subarray(at)]);
  }
}

test('no byte of a bundle with everything in it may be another', async () => {
  const history = log.cut(50);
  const second = logKey('second', origin);
  const rotation = rotate(history, { from: key, to: second, number: 50 });
  const whole = bundleLines({
    log: history,
    rows: chosen(17),
    signers: second.signers,
    keys: [key.vkey, second.vkey],
    rotations: [rotation],
    earlier: { size: 20, signers: key.signers },
  });
  const bytes = encodeUtf8(whole.join(''));
  verifyText(bytes);
  await forAll(1, (random) => {
    for (let at = random.integer({ min: 0, max: 4 }); at < bytes.length; at += 5) {
      const flipped = bytes.with(at, bytes[at]! ^ (1 << random.integer({ min: 0, max: 7 })));
      assert.throws(
        () => verifyText(flipped),
        (error) => error instanceof LogError,
        `byte ${at}`,
      );
    }
  });
});

test('whatever is done to the bytes of a bundle, it is refused', async () => {
  const bytes = encodeUtf8(bundleLines({ ...making, earlier: { size: 20, signers: key.signers } }).join(''));
  await forAll(1500, (random) => {
    const mutated = mutate(random, bytes);
    if (Buffer.compare(mutated, bytes) === 0) return;
    assert.throws(
      () => verifyText(mutated),
      (error) => error instanceof LogError,
    );
  });
});
