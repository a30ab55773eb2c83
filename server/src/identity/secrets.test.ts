import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { forAll } from '../../../tests/support/seeded-random.ts';
import { Passwords } from './passwords.ts';
import { createSecret, hashSecret, tokenKindOf } from './secrets.ts';

const kinds = ['access_token', 'app_token', 'oauth_token', 'robot_token', 'session'] as const;

describe('tokens', () => {
  it('have a prefix and a checksum a scanner can check, and never print', () => {
    for (const kind of kinds) {
      const { secret, hash, hint } = createSecret(kind);
      const text = secret.reveal();
      assert.equal(tokenKindOf(text), kind);
      assert.match(text, /^tly_(pat|app|oat|bot|ses)_[0-9A-Za-z]{36,49}$/);
      assert.equal(hash, hashSecret(text));
      assert.ok(text.startsWith(hint) && hint.length === 12);
      for (const shown of [String(secret), JSON.stringify({ secret }), inspect({ secret })])
        assert.ok(!shown.includes(text));
    }
    assert.notEqual(createSecret('session').hash, createSecret('session').hash);
  });

  it('are not recognised after any change of one character', () =>
    forAll(200, (random) => {
      const text = createSecret(random.pick(kinds)).secret.reveal();
      const at = random.integer({ min: 0, max: text.length - 1 });
      const changed = text.slice(0, at) + random.text(1, 'abcXYZ019_-+ ') + text.slice(at + 1);
      assert.equal(tokenKindOf(changed) !== undefined, changed === text, changed);
    }));
});

describe('passwords', () => {
  const limits = { argon2: { memoryKib: 64, passes: 1 }, passwordChecksAtOnce: 2, passwordChecksWaiting: 2 };

  it('are stored as PHC strings and compared by what they say', async () => {
    const passwords = new Passwords(limits);
    const phc = await passwords.hash('correct horse');
    assert.match(phc, /^\$argon2id\$v=19\$m=64,t=1,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    const dearer = new Passwords({ ...limits, argon2: { memoryKib: 128, passes: 2 } });
    assert.equal(await dearer.isRight(phc, 'correct horse'), true);
    assert.equal(await dearer.isRight(phc, 'correct Horse'), false);
    // One text, written in two ways.
    const accented = await passwords.hash('caf\u00e9 caf\u00e9');
    assert.equal(await passwords.isRight(accented, 'cafe\u0301 cafe\u0301'), true);
  });

  it('compare with nobody at the same cost, and with what is no hash', async () => {
    const passwords = new Passwords(limits);
    const broken = ['', '$argon2id$', '$argon2id$v=19$m=9999999,t=1,p=1$c2FsdHNhbHQ$x', '$2b$10$abc'];
    for (const phc of [undefined, ...broken]) assert.equal(await passwords.isRight(phc, 'anything'), false);
    assert.equal(passwords.checks, 5);
  });

  it('refuse what is too short, too long, or a token', async () => {
    const passwords = new Passwords(limits);
    for (const password of ['short', 'x'.repeat(513), createSecret('access_token').secret.reveal()]) {
      await assert.rejects(passwords.hash(password), { code: 'invalid', details: { field: 'password' } });
    }
  });

  it('run few at once, let few wait, and turn the rest away', async () => {
    const passwords = new Passwords(limits);
    const results = await Promise.allSettled(
      Array.from({ length: 7 }, () => passwords.isRight(undefined, 'x')),
    );
    assert.deepEqual(
      results.map((result) => result.status),
      ['fulfilled', 'fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'rejected', 'rejected'],
    );
    assert.equal(await passwords.isRight(undefined, 'x'), false);
  });
});
