/** What slows an attacker and spares everybody else: throttling, lock-out, one check for many, equal work for all. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AuditEvent } from '@tallyman/contract';
import { settled } from '../../../tests/support/events.ts';
import { basic, engines, openHouse, refusal, request, root } from '../../../tests/support/house.ts';
import { formatUs } from '../stdx/clock.ts';
import { createSecret } from './secrets.ts';
import { createToken } from './tokens.ts';
import { changePassword, endUserLockout } from './users.ts';

const types = (events: readonly AuditEvent[]) =>
  events.map((event) => [event.type, event.reason].filter(Boolean).join(' '));

for (const { engine, skip } of engines) {
  describe(`limits of sign-ins on ${engine}`, { skip }, () => {
    it('does the same work for unknown, wrong, locked and disabled', async () => {
      await using house = await openHouse(engine, { lockoutFailures: 2 });
      const { passwords } = house.parts;
      await house.user('alice');
      const seen: unknown[] = [];
      const tries: [string, string][] = [
        ['nemo', 'wrong 1'],
        ['alice', 'wrong 1'],
        ['alice', 'wrong 2'],
        ['alice', 'password of alice'],
        ['alice', 'wrong 3'],
      ];
      for (const [name, secret] of tries) {
        const before = passwords.checks;
        const { retryAfterSeconds, ...answer } = await house.refused(basic(name, secret));
        assert.equal(retryAfterSeconds, undefined);
        seen.push([answer, passwords.checks - before]);
      }
      assert.equal(new Set(seen.map((one) => JSON.stringify(one))).size, 1);
      // A secret that was refused in this state of the account is as quick the second time, right or wrong.
      const before = passwords.checks;
      await house.refused(basic('alice', 'password of alice'));
      await house.refused(basic('alice', 'wrong 3'));
      assert.equal(passwords.checks, before);
    });

    it('locks out after too many wrong passwords, and says when it began and ended', async () => {
      await using house = await openHouse(engine, { lockoutFailures: 3, lockoutMs: 60_000 });
      const alice = await house.user('alice');
      const pat = await createToken(house.parts, {
        by: root,
        userId: alice.id,
        kind: 'access_token',
        name: 'x',
        scopes: ['admin'],
      });
      await house.signIn(basic('alice', 'password of alice'), { surface: 'console' });
      const from = await house.db.head();
      for (const secret of ['wrong 1', 'wrong 2', 'wrong 3']) await house.refused(basic('alice', secret));
      const until = formatUs(
        (await house.db.read.q.selectFrom('user_account').select('locked_until').executeTakeFirstOrThrow())
          .locked_until as number,
      );
      await house.refused(basic('alice', 'password of alice'));
      // Tokens and sessions are not touched.
      await house.signIn(basic('alice', pat.secret.reveal()), { surface: 'bearer' });
      house.clock.advanceMs(60_001);
      await house.signIn(basic('alice', 'password of alice'), { surface: 'console' });
      const events = await house.eventsSince(from);
      // Wrong passwords of one account from one source for one thing are one event, then a count.
      assert.deepEqual(types(events), [
        'account.sign_in.refuse wrong_password',
        'account.lockout.start',
        'account.sign_in.refuse locked_out',
        'account.lockout.end',
      ]);
      const scope = { namespace: { kind: 'user', id: alice.id, name: 'alice' } };
      const target = { kind: 'user', id: alice.id, name: 'alice' };
      const frame = { v: 1, version: 1, outcome: 'success', credential: { kind: 'none' }, scope, target };
      const actor = { kind: 'system', id: 'lockout', name: 'lockout', proven: true };
      assert.deepEqual(settled(events[1] as AuditEvent), {
        ...frame,
        type: 'account.lockout.start',
        actor,
        request,
        details: { failures: 3, until },
      });
      const { request: internal, ...ended } = settled(events[3] as AuditEvent);
      assert.deepEqual(ended, { ...frame, type: 'account.lockout.end', actor, details: { by: 'time' } });
      assert.equal(internal.protocol, 'internal');
    });

    it('ends a lock-out by an administrator, by a new password, and by time without anybody signing in', async () => {
      await using house = await openHouse(engine, { lockoutFailures: 1, lockoutMs: 60_000 });
      const alice = await house.user('alice');
      const lock = async (secret: string) => house.refused(basic('alice', secret));
      const from = await house.db.head();
      await lock('wrong 1');
      assert.equal(await endUserLockout(house.parts, { by: root, userId: alice.id }), true);
      assert.equal(await endUserLockout(house.parts, { by: root, userId: alice.id }), false);
      await lock('wrong 2');
      await changePassword(house.parts, { by: root, userId: alice.id, password: 'another one' });
      await house.signIn(basic('alice', 'another one'), { surface: 'console' });
      await lock('wrong 3');
      house.clock.advanceMs(60_001);
      await house.identity.trySweep();
      const ends = (await house.eventsSince(from)).filter((event) => event.type === 'account.lockout.end');
      assert.deepEqual(
        ends.map((event) => event.details),
        [{ by: 'administrator' }, { by: 'password_change' }, { by: 'time' }],
      );
    });

    it('counts the same wrong secret of one source once, however often and however parallel', async () => {
      await using house = await openHouse(engine, { lockoutFailures: 3 });
      await house.user('alice');
      const from = await house.db.head();
      const before = house.parts.passwords.checks;
      await Promise.all(Array.from({ length: 20 }, () => house.refused(basic('alice', 'wrong'))));
      assert.equal(house.parts.passwords.checks - before, 1);
      const row = await house.db.read.q
        .selectFrom('user_account')
        .select('failed_passwords')
        .executeTakeFirstOrThrow();
      assert.equal(row.failed_passwords, 1);
      house.clock.advanceMs(31_000);
      await house.trail.trySweep();
      const events = await house.eventsSince(from);
      assert.deepEqual(types(events), [
        'account.sign_in.refuse wrong_password',
        'account.sign_in.refuse wrong_password',
      ]);
      assert.partialDeepStrictEqual(events[1]?.details, { repeats: { count: 19, folded: 'key' } });
      assert.equal(events[1]?.cause, events[0]?.id);
    });

    it('lets the same right secret be checked once, until the account changes', async () => {
      await using house = await openHouse(engine);
      const alice = await house.user('alice');
      const { passwords } = house.parts;
      const right = basic('alice', 'password of alice');
      await Promise.all(Array.from({ length: 10 }, () => house.signIn(right)));
      await house.signIn(right, { source: '203.0.113.9' });
      assert.equal(passwords.checks, 1);
      await changePassword(house.parts, { by: root, userId: alice.id, password: 'another one' });
      assert.equal((await house.refused(right)).code, 'unauthenticated');
    });

    it('records the first use of a basic credential per source in ten minutes', async () => {
      await using house = await openHouse(engine);
      const alice = await house.user('alice');
      const right = basic('alice', 'password of alice');
      const from = await house.db.head();
      await Promise.all([house.signIn(right), house.signIn(right), house.signIn(right)]);
      await house.signIn(right, { source: '203.0.113.9' });
      house.clock.advanceMs(600_001);
      await house.signIn(right);
      await house.signIn(right, { surface: 'registry_token' });
      const events = await house.eventsSince(from);
      const expected = {
        v: 1,
        version: 1,
        type: 'account.sign_in.succeed',
        outcome: 'success',
        actor: { kind: 'user', id: alice.id, name: 'alice', proven: true },
        credential: { kind: 'password', id: alice.id },
        scope: { namespace: { kind: 'user', id: alice.id, name: 'alice' } },
        request,
        details: { surface: 'basic' },
      };
      assert.deepEqual(events.map(settled), [expected, expected, expected]);
    });

    it('throttles a source, spares live tokens behind it, and tells an administrator of many failures', async () => {
      await using house = await openHouse(engine, {
        sourceFailures: 5,
        sourceWindowMs: 60_000,
        globalFailures: 7,
      });
      const alice = await house.user('alice');
      const pat = await createToken(house.parts, {
        by: root,
        userId: alice.id,
        kind: 'access_token',
        name: 'x',
        scopes: ['admin'],
      });
      await house.signIn(basic('alice', 'password of alice'), { surface: 'console' });
      for (let at = 0; at < 5; at++) await house.refused(basic(`nobody${at}`, 'wrong'));
      const from = await house.db.head();
      const checks = house.parts.passwords.checks;
      const right = await house.refused(basic('alice', 'password of alice'));
      const dead = await house.refused({
        kind: 'bearer',
        token: createSecret('access_token').secret.reveal(),
      });
      for (const { code, retryAfterSeconds } of [right, dead])
        assert.deepEqual([code, retryAfterSeconds], ['rate_limited', 60]);
      assert.equal(house.parts.passwords.checks, checks);
      assert.equal(
        (await house.signIn(basic('alice', pat.secret.reveal()), { surface: 'bearer' })).actor.name,
        'alice',
      );
      await house.signIn(basic('alice', 'password of alice'), { surface: 'console', source: '203.0.113.9' });
      const limited = await house.eventsSince(from);
      assert.deepEqual(types(limited), [
        'account.sign_in.refuse rate_limited',
        'account.sign_in.refuse rate_limited',
      ]);
      assert.deepEqual([limited[0]?.actor.id, limited[0]?.request.status], [alice.id, 429]);
      house.clock.advanceMs(60_001);
      await house.signIn(basic('alice', 'password of alice'), { surface: 'console' });
      for (let at = 5; at < 8; at++)
        await house.refused(basic(`nobody${at}`, 'wrong'), { source: `203.0.113.${at}` });
      const reached = (await house.eventsSince(from)).filter((event) => event.type === 'system.limit.reach');
      assert.deepEqual(
        reached.map((event) => event.details),
        [{ limit: 'failed_sign_ins', count: 7, windowSeconds: 600 }],
      );
      assert.deepEqual(reached[0]?.scope, {});
    });

    it('turns passwords away when too many are being checked, and records it', async () => {
      await using house = await openHouse(engine, {
        passwordChecksAtOnce: 1,
        passwordChecksWaiting: 1,
        sourceFailures: 1_000,
      });
      const alice = await house.user('alice');
      await house.signIn(basic('alice', 'password of alice'), { surface: 'console' });
      const from = await house.db.head();
      const answers = await Promise.all(
        Array.from({ length: 6 }, (_, at) =>
          refusal(
            house.identity.authenticate(basic('alice', `wrong ${at}`), {
              surface: 'console',
              request,
              source: '192.0.2.7',
              attempted: { action: 'sign_in' },
            }),
          ),
        ),
      );
      const limited = answers.filter((answer) => answer.code === 'rate_limited');
      assert.equal(limited.length, 4);
      assert.deepEqual(new Set(limited.map((answer) => answer.retryAfterSeconds)), new Set([3]));
      const events = await house.eventsSince(from);
      assert.equal(events.filter((event) => event.type === 'system.limit.reach').length, 1);
      const refused = events.find((event) => event.reason === 'rate_limited');
      assert.equal(refused?.actor.id, alice.id);
    });

    it('takes nothing but a password where people sign in to the console', async () => {
      await using house = await openHouse(engine);
      const alice = await house.user('alice');
      const pat = await createToken(house.parts, {
        by: root,
        userId: alice.id,
        kind: 'access_token',
        name: 'x',
        scopes: ['admin'],
      });
      const answer = await house.refused(basic('alice', pat.secret.reveal()), { surface: 'console' });
      assert.deepEqual([answer.code, answer.reason], ['unauthenticated', 'wrong_password']);
      const events = await house.eventsSince(0);
      assert.deepEqual(events.at(-1)?.credential, { kind: 'password', id: alice.id });
    });
  });
}
