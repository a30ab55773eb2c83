/** What the host remembers between requests: bounded, and by the clock. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Caller } from '../domain/caller.ts';
import { type Digest, digestOf } from '../domain/digest.ts';
import { manualClock } from '../stdx/clock.ts';
import { BareChallenges } from './challenges.ts';
import { DigestGuard } from './digest-guard.ts';
import { containerLimits } from './parts.ts';
import { PullMemory } from './pull-memory.ts';

function caller(id: string | undefined, credentialId: string, source = '192.0.2.1'): Caller {
  return {
    actor:
      id === undefined ? { kind: 'anonymous', proven: true } : { kind: 'user', id, name: id, proven: true },
    credential: id === undefined ? { kind: 'none' } : { kind: 'access_token', id: credentialId },
    roles: { admin: false, auditor: false },
    request: { id: 'r', protocol: 'http' },
    source,
  };
}

test('a pull covers the blobs of its project, for its credential, for an hour', () => {
  const clock = manualClock();
  const pulls = new PullMemory(clock, containerLimits);
  pulls.note(caller('alice', 't1'), 'p1');
  assert.equal(pulls.covers(caller('alice', 't1'), 'p1'), true);
  assert.equal(pulls.covers(caller('alice', 't1', '192.0.2.9'), 'p1'), true);
  assert.equal(pulls.covers(caller('alice', 't2'), 'p1'), false);
  assert.equal(pulls.covers(caller('bob', 't1'), 'p1'), false);
  assert.equal(pulls.covers(caller('alice', 't1'), 'p2'), false);
  clock.advanceMs(3_599_000);
  assert.equal(pulls.covers(caller('alice', 't1'), 'p1'), true);
  clock.advanceMs(1_001);
  assert.equal(pulls.covers(caller('alice', 't1'), 'p1'), false);
});

test('anonymous callers share nothing but their source', () => {
  const pulls = new PullMemory(manualClock(), containerLimits);
  pulls.note(caller(undefined, '', '192.0.2.1'), 'p1');
  assert.equal(pulls.covers(caller(undefined, '', '192.0.2.1'), 'p1'), true);
  assert.equal(pulls.covers(caller(undefined, '', '192.0.2.2'), 'p1'), false);
});

test('the memory of pulls is bounded', () => {
  const pulls = new PullMemory(manualClock(), { pullCoverMs: 1_000, pullCoverEntries: 2 });
  for (const project of ['p1', 'p2', 'p1', 'p3']) pulls.note(caller('alice', 't1'), project);
  assert.deepEqual(
    ['p1', 'p2', 'p3'].map((project) => pulls.covers(caller('alice', 't1'), project)),
    [true, false, true],
  );
});

test('the twentieth bare challenge of a source within ten minutes is the one to record', () => {
  const clock = manualClock();
  const challenges = new BareChallenges(clock, containerLimits);
  const noted = (times: number, source = 'a') =>
    Array.from({ length: times }, () => challenges.note(source)).filter(Boolean).length;
  assert.equal(noted(19), 0);
  assert.equal(noted(19, 'b'), 0);
  assert.equal(noted(1), 1);
  assert.equal(noted(100), 0, 'once');
  challenges.forget('b');
  assert.equal(noted(19, 'b'), 0, 'credentials followed');
  clock.advanceMs(600_000);
  assert.equal(noted(19), 0, 'a new window');
  assert.equal(noted(1), 1);
});

test('a spray of sources takes bounded room', () => {
  const challenges = new BareChallenges(manualClock(), { ...containerLimits, bareChallengeSources: 3 });
  for (let at = 0; at < 19; at++) challenges.note('old');
  for (const source of ['a', 'b', 'c']) challenges.note(source);
  assert.equal(challenges.note('old'), false, 'the source longest silent was forgotten');
});

test('a digest in use is not collected, and one being collected is waited for', async () => {
  const guard = new DigestGuard();
  const [used, idle] = [digestOf('sha256', 'used'), digestOf('sha256', 'idle')] as [Digest, Digest];
  const steps: string[] = [];
  const release = Promise.withResolvers<void>();
  const using = guard.use(used, () => release.promise);
  let later: Promise<unknown> | undefined;
  await guard.collect([used, idle], async (free) => {
    assert.deepEqual(free, [idle]);
    later = guard.use(idle, async () => void steps.push('used after'));
    await Promise.resolve();
    steps.push('collected');
  });
  await later;
  assert.deepEqual(steps, ['collected', 'used after']);
  release.resolve();
  await using;
  await guard.collect([used], async (free) => assert.deepEqual(free, [used]));
});
