/** The vectors of docs/spec/bundle.md, and all that was thought of to be done to a bundle. */
import {
  type BundleEvent,
  type BundleHead,
  discloseEntries,
  formatBundleEnd,
  formatBundleEvent,
  formatBundleHead,
  type LogErrorReason,
  parseBundleHead,
  parseBundleLine,
  type SealedEvent,
} from '../index.ts';
import {
  type BundleMaking,
  bundleLines,
  logKey,
  MemoryLog,
  origin,
  rotate,
  sealedEvent,
  signedAtSec,
} from '../log/log.fixture.ts';
import type { VectorSet } from './log.fixture.ts';

export type AcceptedBundle = {
  name: string;
  vkey: string;
  nowSec: number;
  text: string;
  size: number;
  /** Size of the earlier checkpoint. */
  earlier?: number;
  events: { index: number; withheld: string[] }[];
};
export type RefusedBundle = {
  name: string;
  vkey: string;
  nowSec: number;
  text: string;
  reason: LogErrorReason;
  /** Where; empty when it is the whole. */
  place: string;
};

const key = logKey('first', origin);
const second = logKey('second', origin);
const stranger = logKey('stranger', origin);
const log = new MemoryLog();
const rows: SealedEvent[] = [];
for (let number = 0; number < 50; number++) {
  const row = sealedEvent(number);
  rows.push(row);
  log.add(row.body);
}

const rowAt = (index: number) => rows[index] as SealedEvent;
const chosen = (...indexes: number[]) => new Map(indexes.map((index) => [index, rowAt(index)]));
const making: BundleMaking = { log, rows: chosen(3, 4, 17, 49), signers: key.signers, keys: [key.vkey] };

export function bundleVectors(): VectorSet {
  return {
    'bundle/accepted.json': {
      about:
        'Bundles that verify with this key at this time, the size of their checkpoint, and of each event its index and the pointers withheld.',
      vectors: accepted(),
    },
    'bundle/refused.json': {
      about: 'Bundles that are refused with this key at this time: the reason and the place.',
      vectors: refused(),
    },
  };
}

function accepted(): AcceptedBundle[] {
  const base = { vkey: key.vkey, nowSec: signedAtSec, size: 50 };
  const opened = (...indexes: number[]) => indexes.map((index) => ({ index, withheld: [] as string[] }));
  const both = ['/actor/name', '/request/ip'];
  const disclose = (index: number, ...pointers: string[]): [number, SealedEvent] => {
    const row = rowAt(index);
    return [
      index,
      { ...row, private: discloseEntries(row.private, (pointer) => pointers.includes(pointer)) },
    ];
  };
  const history = log.cut(50);
  const rotation = rotate(history, { from: key, to: second, number: 50 });
  history.add(sealedEvent(51).body);
  return [
    { name: 'four events', ...base, text: bundleLines(making).join(''), events: opened(3, 4, 17, 49) },
    {
      name: 'one event',
      ...base,
      text: bundleLines({ ...making, rows: chosen(31) }).join(''),
      events: opened(31),
    },
    { name: 'no event', ...base, text: bundleLines({ ...making, rows: new Map() }).join(''), events: [] },
    {
      name: 'a whole log',
      ...base,
      size: 5,
      text: bundleLines({ ...making, log: log.cut(5), rows: chosen(0, 1, 2, 3, 4) }).join(''),
      events: opened(0, 1, 2, 3, 4),
    },
    {
      name: 'disclosed in part',
      ...base,
      text: bundleLines({
        ...making,
        rows: new Map([disclose(3), disclose(4, '/request/ip'), disclose(17, '/actor/name')]),
      }).join(''),
      events: [
        { index: 3, withheld: both },
        { index: 4, withheld: ['/actor/name'] },
        { index: 17, withheld: ['/request/ip'] },
      ],
    },
    {
      name: 'with an earlier checkpoint',
      ...base,
      text: bundleLines({
        ...making,
        earlier: { size: 20, signers: key.signers, timeSec: signedAtSec - 60 },
      }).join(''),
      earlier: 20,
      events: opened(3, 4, 17, 49),
    },
    {
      name: 'after a rotation of the key',
      ...base,
      size: 52,
      text: bundleLines({ ...making, log: history, signers: second.signers, rotations: [rotation] }).join(''),
      events: opened(3, 4, 17, 49),
    },
    {
      name: 'the key that was announced is the one supplied',
      ...base,
      vkey: second.vkey,
      size: 52,
      text: bundleLines({ ...making, log: history, signers: second.signers, rotations: [rotation] }).join(''),
      events: opened(3, 4, 17, 49),
    },
  ];
}

const lines = bundleLines(making);
const [head, third, fourth, seventeenth, last, end] = lines as [
  string,
  string,
  string,
  string,
  string,
  string,
];
const events = [third, fourth, seventeenth, last];
const parseEvent = (line: string) => parseBundleLine(line.slice(0, -1)) as BundleEvent;
const changeEvent = (line: string, change: Partial<BundleEvent>) =>
  formatBundleEvent({ ...parseEvent(line), ...change });
const changeHead = (change: Partial<BundleHead>) =>
  formatBundleHead({ ...parseBundleHead(head.slice(0, -1)), ...change });

type Place = { line?: number; part?: string; vkey?: string; nowSec?: number };

function refused(): RefusedBundle[] {
  return [...ofForm(), ...ofEvents(), ...ofCheckpoints()];
}

function wrong(
  name: string,
  reason: LogErrorReason,
  given: readonly string[],
  { line, part, vkey = key.vkey, nowSec = signedAtSec }: Place = {},
): RefusedBundle {
  return {
    name,
    vkey,
    nowSec,
    text: given.join(''),
    reason,
    place: [...(line === undefined ? [] : [`line ${line}`]), ...(part === undefined ? [] : [part])].join(
      ', ',
    ),
  };
}

function ofForm(): RefusedBundle[] {
  const rest = [fourth, seventeenth, last, end];
  return [
    wrong('nothing', 'not_a_bundle', []),
    wrong('another file', 'not_a_bundle', ['{"format":"other"}\n'], { line: 1 }),
    wrong('text', 'not_a_bundle', ['hello\n'], { line: 1 }),
    wrong('a list', 'not_a_bundle', ['[]\n'], { line: 1 }),
    wrong('a later version', 'unknown_version', [head.replace('"v":1', '"v":2'), ...events, end], {
      line: 1,
    }),
    wrong('truncated behind the head', 'truncated', [head], { line: 1 }),
    wrong('truncated before the end', 'truncated', [head, ...events], { line: 5 }),
    wrong('truncated within the end', 'truncated', [head, ...events, end.slice(0, -1)], { line: 5 }),
    wrong('something behind the end', 'trailing_lines', [...lines, '\n'], { line: 7 }),
    wrong('two bundles', 'trailing_lines', [...lines, ...lines], { line: 7 }),
    wrong('a space', 'malformed_bundle', [head.replace('{', '{ '), ...events, end], { line: 1 }),
    wrong(
      'another order of members',
      'malformed_bundle',
      [head, third.replace(/^\{("body":".*?"),("index":3)/, '{$2,$1'), ...rest],
      { line: 2 },
    ),
    wrong(
      'a member twice',
      'malformed_bundle',
      [head, third.replace('"index":3', '"index":2,"index":3'), ...rest],
      { line: 2 },
    ),
    wrong(
      'a member more',
      'malformed_bundle',
      [head, third.replace('"index":3', '"index":3,"note":"x"'), ...rest],
      { line: 2 },
    ),
    wrong(
      'no private row',
      'malformed_bundle',
      [head, third.replace(/"private":".*?",("range")/, '$1'), ...rest],
      { line: 2 },
    ),
    wrong(
      'an index that is a text',
      'malformed_bundle',
      [head, third.replace('"index":3', '"index":"3"'), ...rest],
      { line: 2 },
    ),
    wrong('a negative index', 'malformed_bundle', [head, third.replace('"index":3', '"index":-3'), ...rest], {
      line: 2,
    }),
    wrong(
      'a hash that is none',
      'malformed_bundle',
      [head, third.replace(/"range":\["./, '"range":["='), ...rest],
      { line: 2 },
    ),
    wrong('an empty line', 'malformed_bundle', [head, '\n', ...events, end], { line: 2 }),
    wrong('null', 'malformed_bundle', [head, 'null\n', ...events, end], { line: 2 }),
    wrong('the head twice', 'malformed_bundle', [head, ...lines], { line: 2 }),
    wrong(
      'windows line ends',
      'malformed_bundle',
      lines.map((line) => line.replace('\n', '\r\n')),
      { line: 1 },
    ),
    wrong('too many events', 'too_large', [head.replace('"events":4', '"events":10000001'), ...events, end], {
      line: 1,
    }),
    wrong(
      'a rotation that is none',
      'malformed_rotation',
      [head.replace('"rotations":[]', '"rotations":[{}]'), ...events, end],
      { line: 1 },
    ),
  ];
}

function ofEvents(): RefusedBundle[] {
  const rest = [fourth, seventeenth, last, end];
  const range = (from: number, to: number) =>
    parseEvent(bundleLines({ ...making, rows: chosen(from, to) })[2] ?? '').range;
  const moved = [
    changeEvent(seventeenth, { index: 18, range: range(4, 18) }),
    changeEvent(last, { range: range(18, 49) }),
  ];
  const late = sealedEvent(7, { recordedAt: '2024-05-01T04:35:00.001000Z' });
  const lateLog = log.cut(7);
  lateLog.add(late.body);
  const tooMany = [...parseEvent(third).range, log.root()];
  return [
    wrong(
      'an event removed, the head as before',
      'wrong_event_count',
      [head, third, seventeenth, last, end],
      { line: 5 },
    ),
    wrong(
      'an event removed, the head changed',
      'wrong_range_length',
      [changeHead({ events: 3 }), third, seventeenth, last, end],
      { line: 3 },
    ),
    wrong(
      'one event more than the head says',
      'wrong_event_count',
      [changeHead({ events: 3 }), ...events, end],
      { line: 5 },
    ),
    wrong('an event twice', 'duplicate_event', [changeHead({ events: 5 }), third, ...events, end], {
      line: 3,
    }),
    wrong(
      'two events in another order',
      'events_out_of_order',
      [head, fourth, third, seventeenth, last, end],
      { line: 3 },
    ),
    wrong(
      'bodies exchanged',
      'root_mismatch',
      [head, changeEvent(third, rowAt(4)), changeEvent(fourth, rowAt(3)), seventeenth, last, end],
      { line: 6 },
    ),
    wrong('an event from elsewhere', 'root_mismatch', [head, changeEvent(third, sealedEvent(99)), ...rest], {
      line: 6,
    }),
    wrong('a changed word', 'root_mismatch', [head, third.replace('success', 'failed'), ...rest], {
      line: 6,
    }),
    wrong('a moved event', 'root_mismatch', [head, third, fourth, ...moved, end], { line: 6 }),
    wrong(
      'a changed hash',
      'root_mismatch',
      [head, changeEvent(third, { range: parseEvent(third).range.map(() => log.root()) }), ...rest],
      { line: 6 },
    ),
    wrong(
      'a hash too few',
      'wrong_range_length',
      [head, changeEvent(third, { range: parseEvent(third).range.slice(1) }), ...rest],
      { line: 2 },
    ),
    wrong('a hash too many', 'wrong_range_length', [head, changeEvent(third, { range: tooMany }), ...rest], {
      line: 2,
    }),
    wrong(
      'a hash too many at the end',
      'wrong_range_length',
      [head, ...events, formatBundleEnd([log.root()])],
      { line: 6 },
    ),
    wrong(
      'an index beyond the tree',
      'index_out_of_range',
      [head, third, fourth, seventeenth, changeEvent(last, { index: 50 }), end],
      { line: 5 },
    ),
    wrong(
      'a changed disclosed value',
      'event_refused',
      [head, third.replace('192.0.2.17', '192.0.2.18'), ...rest],
      { line: 2 },
    ),
    wrong(
      'the private row of another event',
      'event_refused',
      [head, changeEvent(third, { private: rowAt(4).private }), ...rest],
      { line: 2 },
    ),
    wrong(
      'a body that is not canonical',
      'event_refused',
      [head, changeEvent(third, { body: `${rowAt(3).body} ` }), ...rest],
      { line: 2 },
    ),
    wrong(
      'an event later than its checkpoint',
      'future_dated',
      bundleLines({ ...making, log: lateLog, rows: new Map([[7, late]]) }),
      { line: 2 },
    ),
  ];
}

function ofCheckpoints(): RefusedBundle[] {
  const history = log.cut(50);
  const rotation = rotate(history, { from: key, to: second, number: 50 });
  history.add(sealedEvent(51).body);
  const rotated: BundleMaking = { ...making, log: history, signers: second.signers, rotations: [rotation] };
  const forged = { ...rotation, proof: rotation.proof.replace('\n51\n', '\n52\n') };
  const earlier = { size: 20, signers: key.signers };
  const forked = log.cut(19);
  forked.add(sealedEvent(99).body);
  const withEarlier = parseBundleHead((bundleLines({ ...making, earlier })[0] ?? '').slice(0, -1));
  const proof = log.consistency(20);
  const consistency = (change: { checkpoint?: string; proof?: Uint8Array[] }) => [
    formatBundleHead({
      ...withEarlier,
      consistency: { checkpoint: log.checkpoint(key.signers, earlier), proof, ...change },
    }),
    ...events,
    end,
  ];
  return [
    wrong(
      'signed by a stranger',
      'no_trusted_signature',
      bundleLines({ ...making, signers: stranger.signers, keys: [stranger.vkey] }),
      { line: 1 },
    ),
    wrong('signed by the log, another key supplied', 'no_trusted_signature', lines, {
      line: 1,
      vkey: stranger.vkey,
    }),
    wrong('a changed checkpoint', 'wrong_signature', [head.replace('\\n50\\n', '\\n51\\n'), ...events, end], {
      line: 1,
      part: 'signature 1',
    }),
    wrong(
      'another history under the checkpoint',
      'root_mismatch',
      [changeHead({ checkpoint: bundleCheckpoint(forkAt(30)) }), ...events, end],
      { line: 6 },
    ),
    wrong('a checkpoint of another log', 'wrong_origin', lines, {
      line: 1,
      vkey: logKey('first', 'other.example/log').vkey,
    }),
    wrong(
      'a checkpoint without a time',
      'missing_timestamp',
      bundleLines({ ...making, signers: key.signers.slice(0, 1) }),
      { line: 1 },
    ),
    wrong('a checkpoint of the future', 'future_dated', lines, { line: 1, nowSec: signedAtSec - 301 }),
    wrong(
      'a misspelt key named for information',
      'key_id_mismatch',
      [changeHead({ keys: [stranger.vkey.replace(origin, `${origin}2`)] }), ...events, end],
      { line: 1, part: 'key 1' },
    ),
    wrong(
      'the key of another log named for information',
      'wrong_origin',
      [changeHead({ keys: [key.vkey, logKey('first', 'other.example/log').vkey] }), ...events, end],
      { line: 1, part: 'key 2' },
    ),
    wrong(
      'a new key without its rotation',
      'no_trusted_signature',
      bundleLines({ ...rotated, rotations: [] }),
      { line: 1 },
    ),
    wrong('signed by a retired key', 'retired_key', bundleLines({ ...rotated, signers: key.signers }), {
      line: 1,
    }),
    wrong('a forged rotation', 'rotation_refused', bundleLines({ ...rotated, rotations: [forged] }), {
      line: 1,
      part: 'rotation 1',
    }),
    wrong(
      'an earlier checkpoint of a fork',
      'old_root_mismatch',
      consistency({ checkpoint: forked.checkpoint(key.signers) }),
      { line: 1 },
    ),
    wrong(
      'an earlier checkpoint of the same size and another root',
      'fork',
      consistency({ checkpoint: forkAt(30).checkpoint(key.signers), proof: [] }),
      { line: 1 },
    ),
    wrong('a consistency proof cut off', 'wrong_proof_length', consistency({ proof: proof.slice(1) }), {
      line: 1,
    }),
    wrong(
      'an earlier checkpoint that is later',
      'backdated',
      consistency({ checkpoint: log.checkpoint(key.signers, { ...earlier, timeSec: signedAtSec + 1 }) }),
      { line: 1 },
    ),
    wrong(
      'an earlier checkpoint that is larger',
      'sizes_reversed',
      consistency({ checkpoint: history.checkpoint(key.signers) }),
      { line: 1 },
    ),
  ];
}

function forkAt(index: number): MemoryLog {
  const fork = log.cut(index);
  fork.add(sealedEvent(99).body);
  while (fork.size < 50) fork.add(rowAt(fork.size).body);
  return fork;
}

function bundleCheckpoint(of: MemoryLog): string {
  return of.checkpoint(key.signers);
}
