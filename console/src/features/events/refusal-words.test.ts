import type { ShownEvent } from '@tallyman/contract';
import { describe, expect, test } from 'vitest';
import { refusalFacts } from './refusal-words.ts';

const event: ShownEvent = {
  v: 1,
  index: 43,
  id: '019e8a11-0000-7000-8000-000000000043',
  type: 'container.delete.refuse',
  version: 1,
  occurredAt: '2026-11-22T04:24:43.123456Z',
  recordedAt: '2026-11-22T04:24:43.123460Z',
  outcome: 'denied',
  reason: 'not_permitted',
  actor: { kind: 'user', id: 'u1', name: 'rita', proven: true },
  credential: { kind: 'access_token', id: 't1', name: 'laptop', scopes: ['project:read'] },
  scope: { project: { format: 'container', id: 'p1', path: 'acme/app' } },
  request: {
    id: 'r1',
    protocol: 'http',
    ip: '203.0.113.7',
    userAgent: 'docker/28.0',
    method: 'DELETE',
    route: '/v2/{name}/manifests/{reference}',
    status: 403,
  },
  details: {
    attempted: { action: 'delete', project: 'acme/app', reference: 'v1' },
    message: 'You may not delete from acme/app.',
    roleHeld: 'reader',
    roleNeeded: 'maintainer',
  },
  title: 'Deletion refused',
  sentence: 'A deletion by rita in acme/app was refused: the role held does not allow it',
  severity: 'warning',
  withheld: [],
};
const told = (change: Partial<ShownEvent>) =>
  Object.fromEntries((refusalFacts({ ...event, ...change }) ?? []).map(({ name, text }) => [name, text]));

describe('a refusal in words', () => {
  test('says who, with what, on what, from where, why not, and what the answer was', () => {
    expect(told({})).toEqual({
      'Who was refused': 'The user rita',
      'With which credential': 'Access token “laptop”, limited to project:read',
      'What was tried': 'Delete: v1 in acme/app (DELETE /v2/{name}/manifests/{reference})',
      'From where': '203.0.113.7, by docker/28.0',
      'Why not':
        'The role held does not allow it (not_permitted): the role reader was held where the role maintainer is needed',
      'What it was told': 'You may not delete from acme/app. (status 403)',
    });
  });

  test('never takes a claimed identity for a proven one', () => {
    const actor = { kind: 'robot', id: 'b1', name: 'mara+ci', proven: false } as const;
    expect(told({ actor, onBehalfOf: { kind: 'user', name: 'mara' } })['Who was refused']).toBe(
      'Somebody who passed for the robot mara+ci, in the name of mara, and did not prove it',
    );
    expect(
      told({ actor: { kind: 'user', proven: false }, details: { typedName: 'nobody' } })['Who was refused'],
    ).toBe('Nobody known: no user has the name “nobody” that was given');
    expect(told({ actor: { kind: 'user', proven: false }, details: {} })['Who was refused']).toBe(
      'Nobody known: no user has the name that was given',
    );
    expect(told({ actor: { kind: 'anonymous', proven: false } })['Who was refused']).toBe(
      'Somebody who was not signed in',
    );
  });

  test('tells what is withheld from what is not known', () => {
    const request = { id: 'r1', protocol: 'http' } as const;
    expect(told({ request, withheld: ['/request/ip'] })['From where']).toBe(
      'An address that only owners and administrators may read',
    );
    expect(told({ request })['From where']).toBe('Not known');
    expect(
      told({ actor: { kind: 'user', id: 'u1', proven: true }, withheld: ['/actor/name'] }),
    ).toMatchObject({ 'Who was refused': 'The user whose name was erased' });
  });

  test('tells whoever was refused no more than the answer did', () => {
    const { reason: _reason, ...rest } = event;
    const own = { ...rest, scope: {}, withheld: ['/scope/project', '/reason'] } as ShownEvent;
    const facts = Object.fromEntries((refusalFacts(own) ?? []).map(({ name, text }) => [name, text]));
    expect(facts['Why not']).toMatch(/^There is no such thing, or it is not theirs to use/);
    expect(facts['What was tried']).toMatch(/^Delete: v1 in acme\/app/);
  });

  test('there is none of what succeeded', () => {
    expect(refusalFacts({ ...event, outcome: 'success' })).toBeUndefined();
  });
});
