import type { PolicyRun, WhyImmutable } from '@tallyman/contract';
import { describe, expect, test } from 'vitest';
import { ApiError } from '../../api/problem.ts';
import { lockOf, policyOf } from './lock-told.ts';
import { durationText, faultIn, leftBehind, previewWords, runWords, whySteps } from './policy-words.ts';

const run: PolicyRun = {
  what: 'lock',
  state: 'done',
  tags: 1_005,
  locked: 847,
  unlocked: 0,
  stillLocked: 1,
  startedAt: '2026-11-22T04:24:43.000000Z',
  finishedAt: '2026-11-22T04:24:46.250000Z',
};

describe('a preview', () => {
  const preview = { tags: 10, wouldLock: 3, alreadyLocked: 0, sample: [], complete: true };
  test('says how many, of how many, and what is locked already', () => {
    expect(previewWords(preview, 'acme/app')).toEqual({
      title: 'It would lock 3 tags',
      text: 'Of 10 tags in acme/app.',
      everything: false,
    });
    expect(previewWords({ ...preview, alreadyLocked: 1 }, 'acme/app').text).toMatch(
      /1 tag .* is locked already/,
    );
  });

  test('says when there are more than it looked at', () => {
    const words = previewWords({ ...preview, complete: false }, 'acme/app');
    expect(words.title).toBe('It would lock at least 3 tags');
    expect(words.text).toMatch(/more than a preview looks at/);
  });

  test('says when it would be everything, and only when it looked at everything', () => {
    const all = { ...preview, wouldLock: 9, alreadyLocked: 1 };
    expect(previewWords(all, 'acme/app').everything).toBe(true);
    expect(previewWords({ ...all, complete: false }, 'acme/app').everything).toBe(false);
    expect(previewWords({ ...preview, tags: 0, wouldLock: 0 }, 'acme/app').everything).toBe(false);
  });
});

describe('a run', () => {
  test('says what it did and how long it took', () => {
    expect(runWords(run).text).toBe('847 tags locked, 1,005 tags looked at, in 3.3 s');
    expect(runWords({ ...run, state: 'running', finishedAt: null }).text).toMatch(/^Locking: .* so far$/);
    const release = { ...run, what: 'release', locked: 2, unlocked: 1 } as const;
    expect(runWords(release).text).toMatch(/^1 tag unlocked, 2 tags handed over to other policies/);
    expect(durationText({ ...run, finishedAt: '2026-11-22T04:26:44.000000Z' })).toBe('2 min 1 s');
  });

  test('of a living policy tells what it left locked, once it is done', () => {
    expect(leftBehind({ run, deletedAt: null })).toBe(1);
    expect(leftBehind({ run: { ...run, state: 'running' }, deletedAt: null })).toBe(0);
    expect(leftBehind({ run: { ...run, what: 'release' }, deletedAt: null })).toBe(0);
    expect(leftBehind({ run: null, deletedAt: null })).toBe(0);
  });
});

test('a fault of the pattern is known by its field, with its place', () => {
  const problem = (more: object) =>
    new ApiError({
      type: 't',
      title: 'x',
      status: 422,
      detail: 'missing )',
      code: 'unprocessable',
      requestId: 'r',
      ...more,
    });
  expect(faultIn(problem({ field: 'pattern', position: 2 }))).toEqual({ text: 'missing )', position: 2 });
  expect(faultIn(problem({ field: 'pattern' }))).toEqual({ text: 'missing )', position: undefined });
  expect(faultIn(problem({ field: 'description' }))).toBeUndefined();
  expect(faultIn(new Error('gone'))).toBeUndefined();
});

describe('why a tag is immutable', () => {
  const by = { id: 'u1', name: 'olivia' };
  const step = { pattern: '^v.*$', matches: true, by };
  const why: WhyImmutable = {
    project: 'acme/app',
    tag: 'v1',
    immutable: true,
    because: 'because',
    trigger: 'policy',
    since: '2026-11-22T04:24:44.000000Z',
    eventId: 'e2',
    by: null,
    policy: {
      id: 'p',
      version: 1,
      scope: 'namespace',
      pattern: '^v.*$',
      matches: true,
      description: '',
      deleted: true,
      steps: [
        { ...step, eventId: 'e1', what: 'create', version: 1, at: '2026-11-22T04:24:43.000000Z' },
        { ...step, eventId: 'e3', what: 'change', version: 2, at: '2026-11-22T04:24:45.000000Z' },
        { ...step, eventId: 'e4', what: 'delete', version: 3, at: '2026-11-22T04:24:46.000000Z' },
      ],
    },
    calledForBy: [],
    unlockedEventId: null,
  };

  test('is told step by step, the lock in its place among what happened to the policy', () => {
    expect(whySteps(why).map(({ eventId, by: name, text }) => [eventId, name, text])).toEqual([
      ['e1', 'olivia', 'created the policy ^v.*$'],
      ['e2', null, 'The policy locked v1, as it was in version 1'],
      ['e3', 'olivia', 'changed the policy’s description (version 2)'],
      ['e4', 'olivia', 'deleted the policy ^v.*$'],
    ]);
  });

  test('names the person, also one whose name was erased', () => {
    const manual = { ...why, policy: null, trigger: 'manual', by: { id: 'u2', name: null } } as const;
    expect(whySteps(manual).map(({ by: name, text }) => [name, text])).toEqual([
      ['somebody whose name was erased', 'locked v1 by hand'],
    ]);
    expect(whySteps({ ...manual, trigger: null, since: null, eventId: null, immutable: false })).toEqual([]);
  });
});

describe('what events say of locks', () => {
  const policy = { id: 'p', version: 2, scope: 'project', pattern: 'v.*', matches: true } as const;
  const lock = {
    tag: 'v1',
    trigger: 'policy',
    since: '2026-11-22T04:24:44.000000Z',
    eventId: 'e',
    policy,
  } as const;

  test('a refusal tells the lock and its policy, also when words of it were erased', () => {
    expect(lockOf({ details: { lock } })).toEqual(lock);
    const { tag: _tag, ...rest } = lock;
    const { pattern: _pattern, ...worn } = policy;
    const erased = { details: { lock: { ...rest, policy: worn } } };
    expect(lockOf(erased)?.eventId).toBe('e');
    expect(policyOf({ type: 'container.push.refuse', ...erased })).toEqual(worn);
    expect(lockOf({ details: {} })).toBeUndefined();
  });

  test('a policy is told by its own events as it became, by a push as it decided', () => {
    const { id: policyId, scope } = policy;
    const changed = {
      policyId,
      scope,
      version: { from: 1, to: 2 },
      pattern: { from: 'x', to: 'v.*' },
      matches: { from: true, to: true },
    };
    expect(policyOf({ type: 'policy.immutability.change', details: changed })).toEqual(policy);
    expect(policyOf({ type: 'container.tag.create', details: { immutability: { policy } } })).toEqual(policy);
    expect(policyOf({ type: 'container.tag.create', details: {} })).toBeUndefined();
  });
});
