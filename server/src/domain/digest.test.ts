import assert from 'node:assert/strict';
import { createHash, randomInt } from 'node:crypto';
import { describe, it } from 'node:test';
import { algorithmOf, digestOf, hexOf, parseDigest } from './digest.ts';

describe('parseDigest', () => {
  it('takes both algorithms in lower-case hex of their length', () => {
    for (const algorithm of ['sha256', 'sha512'] as const) {
      const text = `${algorithm}:${createHash(algorithm).update('abc').digest('hex')}`;
      const digest = parseDigest(text);
      assert.equal(digest, text);
      assert.equal(digest, digestOf(algorithm, 'abc'));
      assert.ok(digest);
      assert.equal(algorithmOf(digest), algorithm);
      assert.equal(`${algorithm}:${hexOf(digest)}`, text);
    }
  });

  it('takes nothing else', () => {
    const hex = 'a'.repeat(64);
    const wrong = [
      '',
      'sha256',
      'sha256:',
      `sha256:${hex}0`,
      `sha256:${hex.slice(1)}`,
      `sha256:${hex.toUpperCase()}`,
    ];
    wrong.push(
      `sha256:${hex}\n`,
      `\nsha256:${hex}`,
      ` sha256:${hex}`,
      `SHA256:${hex}`,
      `sha384:${hex}`,
      `sha512:${hex}`,
    );
    wrong.push(
      `sha256:${'../'.repeat(21)}a`,
      `sha256:${hex.slice(0, 63)}/`,
      `sha256:${hex.slice(0, 63)}\0`,
      `sha256:sha256:${hex}`,
    );
    for (const text of wrong) assert.equal(parseDigest(text), undefined, JSON.stringify(text));
  });

  it('refuses every change of one character that is not another hex digit', () => {
    const text: string = digestOf('sha256', 'abc');
    for (let round = 0; round < 5000; round++) {
      const at = randomInt(text.length);
      const char = String.fromCharCode(randomInt(0x180));
      const changed = text.slice(0, at) + char + text.slice(at + 1);
      const expected = changed === text || (at >= 7 && /^[0-9a-f]$/.test(char));
      assert.equal(parseDigest(changed) !== undefined, expected, JSON.stringify(changed));
    }
  });
});
