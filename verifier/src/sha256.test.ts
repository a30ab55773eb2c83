/** The portable SHA-256 and base64url, beside the platform's. */
import assert from 'node:assert/strict';
import { hash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { decodeBase64url, encodeBase64url } from './encoding.ts';
import { portableSha256 } from './sha256.ts';

function hex(data: Uint8Array): string {
  return Buffer.from(portableSha256.bytes(data)).toString('hex');
}

// FIPS 180-4 examples and the NIST CAVP short and long messages they are printed with.
const known: [message: string, digest: string][] = [
  ['', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
  ['abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
  [
    'abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq',
    '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
  ],
  [
    'abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu',
    'cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1',
  ],
  ['a'.repeat(1_000_000), 'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0'],
];

for (const [message, digest] of known) {
  test(`SHA-256 of ${message.length} known bytes`, () => {
    assert.equal(hex(Buffer.from(message)), digest);
  });
}

test('SHA-256 of every length over three blocks, and of some long ones', () => {
  const lengths = [...Array(200).keys(), 4095, 4096, 65_537];
  for (const length of lengths) {
    const message = randomBytes(length);
    assert.equal(hex(message), hash('sha256', message, 'hex'), message.toString('hex'));
  }
});

test('a view into a larger buffer is hashed alone, and left as it was', () => {
  const whole = new Uint8Array(randomBytes(300));
  const before = whole.slice();
  assert.equal(hex(whole.subarray(7, 260)), hash('sha256', whole.subarray(7, 260), 'hex'));
  assert.deepEqual(whole, before);
});

test('text is hashed as UTF-8', () => {
  for (const text of ['', 'zoë', '\u{1f980}', '\0body']) {
    assert.equal(portableSha256.text(text), hash('sha256', text, 'base64url'));
  }
});

test('base64url there and back, every length, as the platform writes it', () => {
  for (let length = 0; length < 100; length++) {
    const bytes = new Uint8Array(randomBytes(length));
    const text = encodeBase64url(bytes);
    assert.equal(text, Buffer.from(bytes).toString('base64url'));
    assert.deepEqual(decodeBase64url(text), bytes);
  }
});
