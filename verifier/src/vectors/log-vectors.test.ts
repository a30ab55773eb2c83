/** The frozen vectors of the log and of bundles: what docs/spec/log.md and docs/spec/bundle.md mean, case by case. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  decodeBase64,
  decodeBase64url,
  decodeEntries,
  decodeHash,
  decodeUtf8,
  encodeBase64,
  encodeUtf8,
  followRotations,
  formatTilePath,
  formatVerifierKey,
  LogError,
  type LogErrorReason,
  leafHash,
  logErrorReasons,
  openTrustedCheckpoint,
  parseProofText,
  parseRotation,
  parseTilePath,
  parseVerifierKey,
  rangeNodes,
  rootOfEdge,
  rootOfPerfect,
  splitLines,
  trustKey,
  verifyBundle,
  verifyConsistency,
  verifyInclusion,
} from '../index.ts';
import { cryptography, sha256 } from '../log/log.fixture.ts';
import type { AcceptedBundle, RefusedBundle } from './bundle.fixture.ts';
import type {
  CheckpointVector,
  ConsistencyVector,
  EntriesVector,
  InclusionVector,
  KeyVector,
  PathVector,
  ProofTextVector,
  RootVector,
  RotationVector,
} from './log.fixture.ts';
import { makeVectors, vectorsRoot } from './make.fixture.ts';

function read<T>(file: string): T[] {
  const { vectors }: { vectors: T[] } = JSON.parse(readFileSync(new URL(file, vectorsRoot), 'utf8'));
  assert.ok(vectors.length > 0);
  return vectors;
}

const provoked = new Set<LogErrorReason>();

/** One test per vector: `run` gives what it expects, or refuses with the reason. */
function each<T extends { name: string; reason?: LogErrorReason }>(
  file: string,
  run: (vector: T) => void,
): void {
  for (const vector of read<T>(file)) {
    if (vector.reason) provoked.add(vector.reason);
    test(`${file}, ${vector.reason ?? 'right'}: ${vector.name}`, () => {
      if (vector.reason) assert.throws(() => run(vector), { name: 'LogError', reason: vector.reason });
      else run(vector);
    });
  }
}

const hash = (text: string) => decodeBase64(text);

for (const { name, size, root } of read<RootVector>('log/roots.json')) {
  test(`log/roots.json: ${name}`, () => {
    const edge = rangeNodes(0, size).map(({ level, index }) => {
      const leaves = Array.from({ length: 2 ** level }, (_, at) => index * 2 ** level + at);
      return rootOfPerfect(
        Buffer.concat(leaves.map((leaf) => leafHash(encodeUtf8(`entry ${leaf}`), sha256))),
        sha256,
      );
    });
    assert.equal(encodeBase64(rootOfEdge(edge, sha256)), root);
  });
}

each<InclusionVector>('log/inclusion.json', ({ index, size, leafHash: leaf, proof, root }) => {
  verifyInclusion({ index, size, leafHash: hash(leaf), proof: proof.map(hash), root: hash(root) }, sha256);
});

each<ConsistencyVector>('log/consistency.json', ({ oldSize, newSize, oldRoot, newRoot, proof }) => {
  const roots = { oldRoot: hash(oldRoot), newRoot: hash(newRoot) };
  verifyConsistency({ oldSize, newSize, ...roots, proof: proof.map(hash) }, sha256);
});

each<KeyVector>('log/keys.json', ({ vkey, parsed }) => {
  const key = parseVerifierKey(vkey, sha256);
  assert.deepEqual({ ...key, publicKey: encodeBase64(key.publicKey) }, parsed);
  assert.equal(formatVerifierKey(key), vkey);
});

each<CheckpointVector>('log/checkpoints.json', ({ vkey, nowSec, note, opened }) => {
  const trust = trustKey(vkey, sha256);
  const { origin, size, root, timeSec } = openTrustedCheckpoint(note, { trust, nowSec, ...cryptography });
  assert.deepEqual({ origin, size, root: encodeBase64(root), timeSec }, opened);
});

for (const vector of read<RotationVector>('log/rotations.json')) {
  if (vector.reason) provoked.add(vector.reason);
  test(`log/rotations.json, ${vector.reason ?? 'right'}: ${vector.name}`, () => {
    const follow = () =>
      followRotations(trustKey(vector.vkey, sha256), {
        rotations: vector.rotations.map(parseRotation),
        ...cryptography,
      });
    if (vector.reason === undefined) {
      const keys = follow().keys.map(({ key, ...sizes }) => ({ vkey: formatVerifierKey(key), ...sizes }));
      assert.deepEqual(keys, vector.keys);
      return;
    }
    assert.throws(follow, (error) => {
      assert.ok(error instanceof LogError);
      const cause = error.reason === 'rotation_refused' ? (error.cause as LogError).reason : undefined;
      assert.deepEqual([error.reason, cause], [vector.reason, vector.cause]);
      return true;
    });
  });
}

each<PathVector>('log/tile-paths.json', ({ path, tile }) => {
  const parsed = parseTilePath(path);
  assert.deepEqual(parsed, tile);
  assert.equal(formatTilePath(parsed), path);
});

each<EntriesVector>('log/entries.json', ({ bytes, width, entries }) => {
  assert.deepEqual(decodeEntries(decodeBase64url(bytes), width).map(decodeUtf8), entries);
});

each<ProofTextVector>('log/proof-texts.json', ({ text, index, hashes }) => {
  const parsed = parseProofText(text);
  assert.deepEqual([parsed.index, parsed.proof.length], [index, hashes]);
});

function verify({ vkey, nowSec, text }: { vkey: string; nowSec: number; text: string }) {
  const events: { index: number; withheld: string[] }[] = [];
  const result = verifyBundle(splitLines([encodeUtf8(text)]), {
    trust: trustKey(vkey, sha256),
    nowSec,
    ...cryptography,
    onEvent: ({ index, withheld }) => events.push({ index, withheld }),
  });
  return { result, events };
}

for (const { name, size, earlier, events, ...given } of read<AcceptedBundle>('bundle/accepted.json')) {
  test(`bundle/accepted.json: ${name}`, () => {
    const verified = verify(given);
    assert.deepEqual(verified.events, events);
    const { result } = verified;
    assert.deepEqual(
      [result.checkpoint.size, result.earlier?.size, result.events],
      [size, earlier, events.length],
    );
  });
}

for (const { name, reason, place, ...given } of read<RefusedBundle>('bundle/refused.json')) {
  provoked.add(reason);
  test(`bundle/refused.json, ${reason}: ${name}`, () => {
    assert.throws(
      () => verify(given),
      (error) => {
        assert.ok(error instanceof LogError, String(error));
        assert.deepEqual([error.reason, error.place], [reason, place]);
        return true;
      },
    );
  });
}

test('every reason has a vector, but for those of verdicts and of what is too large for a file', () => {
  const elsewhere: LogErrorReason[] = [
    'malformed_base64', // Always the cause of another one.
    'unannounced_key',
    'tile_out_of_range',
    'wrong_tile_length',
    'fork',
    'tiles_mismatch',
    'missing_file',
  ];
  assert.deepEqual(
    logErrorReasons.filter((reason) => !provoked.has(reason) && !elsewhere.includes(reason)),
    [],
  );
});

test('the specifications name every reason', () => {
  const docs = new URL('../../../docs/spec/', import.meta.url);
  const pages = ['log.md', 'bundle.md'].map((file) => readFileSync(new URL(file, docs), 'utf8')).join('');
  const internal = ['malformed_base64'];
  for (const reason of logErrorReasons)
    assert.ok(internal.includes(reason) || pages.includes(`\`${reason}\``), reason);
});

test('the vectors are those that are made', () => {
  for (const { path, content } of makeVectors()) {
    assert.equal(readFileSync(new URL(path, vectorsRoot), 'utf8'), content, path);
  }
});

test('a hash in base64 has one spelling', () => {
  assert.throws(() => decodeHash(encodeBase64(new Uint8Array(32)).replace('A=', 'B=')), {
    reason: 'malformed_base64',
  });
});
