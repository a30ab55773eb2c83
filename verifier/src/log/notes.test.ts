/** Signed notes, checkpoints, proof texts and rotations: what is right is read, whatever else is refused, never a crash. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forAll, type SeededRandom } from '../../../tests/support/seeded-random.ts';
import {
  EventError,
  followRotations,
  formatCheckpoint,
  formatProofText,
  formatRotation,
  formatVerifierKey,
  LogError,
  openCheckpoint,
  openNote,
  openTrustedCheckpoint,
  parseCheckpoint,
  parseNote,
  parseProofText,
  parseRotation,
  parseVerifierKey,
  signNote,
  timestampKey,
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
} from './log.fixture.ts';

const [first, second, third, stranger] = ['first', 'second', 'third', 'stranger'].map((seed) =>
  logKey(seed, origin),
) as [
  ReturnType<typeof logKey>,
  ReturnType<typeof logKey>,
  ReturnType<typeof logKey>,
  ReturnType<typeof logKey>,
];
const trust = trustKey(first.vkey, sha256);
const log = new MemoryLog();
for (let number = 0; number < 20; number++) log.add(sealedEvent(number).body);
const note = log.checkpoint(first.signers);

// What C2SP signed-note prints as its example.
const example = {
  vkey: 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k',
  note:
    'This is an example message.\n\n' +
    '— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n',
};

test('the example of the specification', () => {
  const key = parseVerifierKey(example.vkey, sha256);
  assert.equal(formatVerifierKey(key), example.vkey);
  const { text, signatures } = openNote(example.note, { keys: [key], verify: cryptography.verify });
  assert.deepEqual([text, signatures], ['This is an example message.\n', [{ key }]]);
});

test('a checkpoint is read back with its signer and its time', () => {
  const opened = openCheckpoint(note, { keys: [first.key, second.key], ...cryptography });
  assert.deepEqual([opened.origin, opened.size, opened.timeSec], [origin, 20, signedAtSec]);
  assert.deepEqual(opened.signedBy, [first.key]);
  assert.deepEqual([...opened.root], [...log.root()]);
  assert.equal(formatCheckpoint(opened), parseNote(note).text);
});

test('signatures by unknown keys are left aside, also under a known name or id', () => {
  const text = parseNote(note).text;
  const others = [stranger, logKey('w', 'witness.example/w1')].flatMap(({ signers }) => signers);
  const witnessed = signNote(text, { signers: [...others, ...first.signers], timeSec: signedAtSec });
  assert.equal(openTrustedCheckpoint(witnessed, { trust, ...cryptography }).size, 20);
  const wrongly = others.map(({ key }) => ({ key, sign: () => new Uint8Array(64) }));
  const ill = signNote(text, { signers: [...wrongly, ...first.signers], timeSec: signedAtSec });
  assert.equal(openTrustedCheckpoint(ill, { trust, ...cryptography }).size, 20);
});

function refusedAs(reason: string, run: () => unknown): void {
  assert.throws(run, (error) => error instanceof LogError && error.reason === reason);
}

const open = (text: string, options: { nowSec?: number } = {}) =>
  openTrustedCheckpoint(text, { trust, ...options, ...cryptography });
const [plain, timed] = first.signers as [(typeof first.signers)[0], (typeof first.signers)[0]];
const signed = (text: string, signers = first.signers) => signNote(text, { signers, timeSec: signedAtSec });

test('checkpoints that are refused, each with its reason', () => {
  const { text } = parseNote(note);
  const hash = text.split('\n')[2]!;
  refusedAs('no_trusted_signature', () => open(signed(text, stranger.signers)));
  refusedAs('no_trusted_signature', () => open(signed(text, [timed])));
  refusedAs('missing_timestamp', () => open(signed(text, [plain])));
  refusedAs('wrong_signature', () => open(note.replace('\n20\n', '\n21\n')));
  refusedAs('wrong_signature', () =>
    open(signed(text, [{ key: first.key, sign: stranger.signers[0]!.sign }, timed])),
  );
  refusedAs('wrong_signature', () =>
    open(signed(text, [plain, { key: timed.key, sign: stranger.signers[0]!.sign }])),
  );
  refusedAs('malformed_signature', () => open(signed(text, [plain, plain])));
  refusedAs('wrong_origin', () => open(signed(`other.example/log\n20\n${hash}\n`)));
  refusedAs('future_dated', () => open(note, { nowSec: signedAtSec - 301 }));
  assert.equal(open(note, { nowSec: signedAtSec - 300 }).timeSec, signedAtSec);
  refusedAs('malformed_checkpoint', () => open(signed(`${origin}\n020\n${hash}\n`)));
  refusedAs('malformed_checkpoint', () => open(signed(`${origin}\n9007199254740992\n${hash}\n`)));
  refusedAs('malformed_checkpoint', () => open(signed(`${origin}\n20\n${hash.slice(0, -4)}\n`)));
  refusedAs('malformed_checkpoint', () => open(signed(`${origin}\n20\n${hash.replace('=', '')}\n`)));
  refusedAs('malformed_checkpoint', () => open(signed(`${origin}\n20\n`)));
  refusedAs('malformed_checkpoint', () => open(signed(`${origin}\n20\n${hash}\n\n`)));
  refusedAs('root_mismatch', () => open(signed(`${origin}\n0\n${hash}\n`)));
  refusedAs('malformed_note', () => open(text));
  refusedAs('malformed_note', () => open(note.slice(0, -1)));
  refusedAs('malformed_note', () => open(note.replace('\n', '\r\n')));
  refusedAs('malformed_note', () => open(`${note.slice(0, -1)}\ud800\n`));
  refusedAs('malformed_signature', () => open(`${note}\nlast\n`));
  refusedAs('malformed_signature', () => open(note.replace('— ', '- ')));
  refusedAs('too_many_signatures', () => open(note + note.slice(note.indexOf('—')).repeat(32)));
  refusedAs('too_large', () => open(note + 'x'.repeat(262_144)));
});

test('verifier keys that are refused', () => {
  const { vkey } = example;
  refusedAs('key_id_mismatch', () => parseVerifierKey(vkey.replace('530d903a', '530d903b'), sha256));
  refusedAs('key_id_mismatch', () => parseVerifierKey(vkey.replace('foo', 'fop'), sha256));
  refusedAs('unsupported_key_type', () => parseVerifierKey(vkey.replace('+Aek', '+Bek'), sha256));
  for (const wrong of [
    '',
    '+',
    'a+b+c',
    vkey.slice(1).replace('xample.com/foo', ''),
    vkey.replace('/', ' '),
    `${vkey}=`,
  ]) {
    refusedAs('malformed_key', () => parseVerifierKey(wrong, sha256));
  }
  refusedAs('malformed_key', () => parseVerifierKey(vkey.replace('530d903a', '530D903A'), sha256));
  refusedAs('malformed_key', () => parseVerifierKey(vkey.slice(0, -4), sha256));
  refusedAs('unsupported_key_type', () =>
    trustKey(formatVerifierKey(timestampKey(first.key, sha256)), sha256),
  );
});

test('a note or text that cannot be read back is never written', () => {
  const root = log.root();
  for (const wrong of ['', 'two\nlines', 'a\tb', '\ud800']) {
    refusedAs('malformed_checkpoint', () =>
      formatCheckpoint({ origin: wrong, size: 1, root, extensions: [] }),
    );
  }
  refusedAs('malformed_hash', () =>
    formatCheckpoint({ origin, size: 1, root: root.subarray(1), extensions: [] }),
  );
  refusedAs('malformed_number', () => formatCheckpoint({ origin, size: -1, root, extensions: [] }));
  refusedAs('malformed_note', () => signed('no line end'));
  assert.deepEqual(parseCheckpoint(`${origin}\n5\n${note.split('\n')[2]}\nmore\n`).extensions, ['more']);
});

function mutate(random: SeededRandom, text: string): string {
  const at = random.integer({ min: 0, max: text.length - 1 });
  const length = random.integer({ min: 0, max: 20 });
  const piece = random.pick([
    '\n',
    '\n\n',
    ' ',
    '— ',
    '+',
    '=',
    '0',
    'A',
    '\u00e9',
    '\ud800',
    '\0',
    text.slice(at, at + length),
  ]);
  switch (random.integer({ min: 0, max: 3 })) {
    case 0:
      return text.slice(0, at) + text.slice(at + length + 1);
    case 1:
      return text.slice(0, at) + piece + text.slice(at);
    case 2:
      return text.slice(0, at);
    default:
      return text.slice(0, at) + (piece[0] ?? '') + text.slice(at + 1);
  }
}

/** Undefined when it was refused; any other error fails the test. */
function accepted<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    assert.ok(error instanceof LogError || error instanceof EventError, String(error));
    return undefined;
  }
}

test('a mutated checkpoint is refused, or says the same', async () => {
  await forAll(2000, (random) => {
    const opened = accepted(() => open(mutate(random, note)));
    if (opened !== undefined) assert.equal(formatCheckpoint(opened), parseNote(note).text);
  });
});

test('a mutated verifier key is refused', async () => {
  await forAll(1000, (random) => {
    const text = mutate(random, first.vkey);
    const key = accepted(() => parseVerifierKey(text, sha256));
    if (key !== undefined) assert.equal(text, formatVerifierKey(key));
    if (key !== undefined) assert.equal(text, first.vkey);
  });
});

test('proof texts', async () => {
  const text = formatProofText({ index: 7, proof: log.inclusion(7), note });
  assert.ok(text.startsWith('c2sp.org/tlog-proof@v1\nindex 7\n'));
  const parsed = parseProofText(text);
  assert.deepEqual([parsed.index, parsed.note, parsed.proof.length], [7, note, 5]);
  const extra = new Uint8Array([1, 2, 3]);
  assert.deepEqual(parseProofText(formatProofText({ ...parsed, extra })), { ...parsed, extra });
  refusedAs('malformed_proof', () => parseProofText(text.replace('index 7', 'index 07')));
  refusedAs('malformed_proof', () => parseProofText(text.replace('@v1', '@v2')));
  refusedAs('too_large', () => parseProofText(`${text}${'x'.repeat(524_288)}`));
  await forAll(1000, (random) => {
    const wrong = mutate(random, text);
    const read = accepted(() => parseProofText(wrong));
    if (read !== undefined) assert.equal(formatProofText(read), wrong);
  });
});

/** Events 0 to 19, a rotation to the second key, events, a rotation to the third. */
function rotated() {
  const history = log.cut(20);
  const one = rotate(history, { from: first, to: second, number: 20 });
  for (let number = 21; number < 30; number++) history.add(sealedEvent(number).body);
  const two = rotate(history, { from: second, to: third, number: 30 });
  history.add(sealedEvent(31).body);
  return { history, one, two };
}

test('rotations lead from the key one has to the present one, and retire it', () => {
  const { history, one, two } = rotated();
  const now = followRotations(trust, { rotations: [one, two], ...cryptography });
  assert.deepEqual(
    now.keys.map(({ key, ...sizes }) => [formatVerifierKey(key), sizes]),
    [
      [first.vkey, { fromSize: 0, untilSize: 21 }],
      [second.vkey, { fromSize: 21, untilSize: 31 }],
      [third.vkey, { fromSize: 31 }],
    ],
  );
  const openAs = (signers: typeof first.signers, size: number) =>
    openTrustedCheckpoint(history.checkpoint(signers, { size }), { trust: now, ...cryptography }).size;
  assert.deepEqual(
    [
      openAs(first.signers, 20),
      openAs(first.signers, 21),
      openAs(second.signers, 25),
      openAs(third.signers, 32),
    ],
    [20, 21, 25, 32],
  );
  refusedAs('retired_key', () => openAs(first.signers, 22));
  refusedAs('retired_key', () => openAs(second.signers, 32));
  refusedAs('unannounced_key', () => openAs(third.signers, 30));
  refusedAs('no_trusted_signature', () => openAs(stranger.signers, 32));
  // Following again changes nothing, and who was given a later key needs no earlier rotation.
  assert.deepEqual(followRotations(now, { rotations: [one, two], ...cryptography }), now);
  const later = followRotations(trustKey(second.vkey, sha256), { rotations: [one, two], ...cryptography });
  assert.equal(later.keys.length, 2);
  assert.deepEqual(parseRotation(formatRotation(one)), one);
});

test('rotations that are refused', () => {
  const { history, one } = rotated();
  const follow = (...rotations: (typeof one)[]) => followRotations(trust, { rotations, ...cryptography });
  const cause = (reason: string, run: () => unknown) =>
    assert.throws(run, (error) => {
      assert.ok(error instanceof LogError && error.reason === 'rotation_refused');
      assert.equal((error.cause as LogError).reason, reason);
      return true;
    });
  const handover = (signers: typeof first.signers) =>
    formatProofText({
      index: 20,
      proof: history.inclusion(20, 21),
      note: history.checkpoint(signers, { size: 21 }),
    });
  cause('no_trusted_signature', () => follow({ body: one.body, proof: handover(first.signers) }));
  cause('no_trusted_signature', () => follow({ body: one.body, proof: handover(second.signers) }));
  cause('wrong_proof_length', () =>
    follow({ body: one.body, proof: one.proof.replace(/^(index \d+\n).*\n/m, '$1') }),
  );
  cause('not_canonical', () => follow({ body: `${one.body} `, proof: one.proof }));
  const deny = sealedEvent(20, {
    type: 'log.key.rotate',
    outcome: 'denied',
    details: { origin, from: first.vkey, to: second.vkey },
  });
  cause('malformed_rotation', () => follow({ body: deny.body, proof: one.proof }));
  const elsewhere = rotate(log.cut(20), {
    from: first,
    to: logKey('second', 'other.example/log'),
    number: 20,
  });
  cause('wrong_origin', () => follow(elsewhere));
  // The event was never in the log that the handover is of.
  cause('root_mismatch', () =>
    follow({ body: one.body, proof: rotate(log.cut(20), { from: first, to: second, number: 99 }).proof }),
  );
  for (const line of [
    '',
    '{}',
    '[]',
    'null',
    '{"body":"","proof":1}',
    ' {"body":"","proof":""}',
    '{"body":"","proof":"","x":""}',
  ]) {
    refusedAs('malformed_rotation', () => parseRotation(line));
  }
});

test('mutated rotations are refused, or lead to the same key', async () => {
  const { one } = rotated();
  const line = formatRotation(one);
  const expected = followRotations(trust, { rotations: [one], ...cryptography });
  await forAll(500, (random) => {
    const now = accepted(() =>
      followRotations(trust, { rotations: [parseRotation(mutate(random, line))], ...cryptography }),
    );
    if (now !== undefined && now !== trust) assert.deepEqual(now, expected);
  });
});
