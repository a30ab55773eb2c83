/** Which entries identify a person: theirs go, what is another's stays. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { manualClock } from '../../stdx/clock.ts';
import type { EventDraft, Performer } from '../draft.ts';
import type { StoredEvent } from '../projected-row.ts';
import { sealDraft } from '../seal.ts';
import { hexOf, normalName, type Traces, traceFinder } from './traces.ts';

const clock = manualClock();

function stored(draft: EventDraft): StoredEvent {
  const sealed = sealDraft(draft, clock);
  return { idx: 0, body: sealed.body, fields: sealed.private };
}

function by(more: Partial<Performer> = {}): Performer {
  return {
    actor: { kind: 'user', id: 'bob-id', name: 'bob', proven: true },
    credential: { kind: 'access_token', id: 'c1', name: 'laptop' },
    request: { id: 'r1', protocol: 'http', ip: '192.0.2.7', userAgent: 'docker/1' },
    ...more,
  };
}

const alice = { kind: 'user', id: 'alice-id', name: 'alice', proven: true } as const;
const acme = { kind: 'organisation', id: 'acme-id', name: 'acme' } as const;
const alicesOwn = { kind: 'user', id: 'alice-id', name: 'alice' } as const;

const ofAlice: Traces = {
  userId: 'alice-id',
  robotIds: ['robot-id'],
  names: ['alice', 'alice@example.org'],
  others: ['alice-smith'],
  addresses: [hexOf('192.0.2.99') as string],
};

function found(draft: EventDraft, traces: Traces = ofAlice): string[] {
  return traceFinder(traces).find(stored(draft)).sort();
}

function pushed(more: Partial<EventDraft<'container.tag.create'>> = {}): EventDraft {
  return {
    type: 'container.tag.create',
    by: by(),
    scope: { namespace: acme, project: { format: 'container', id: 'p1', path: 'acme/app' } },
    target: { kind: 'tag', name: 'latest' },
    details: { tag: 'latest', digest: 'sha256:00', by: 'push' },
    ...more,
  } as EventDraft;
}

function described(text: string): EventDraft {
  return {
    type: 'project.description.change',
    by: by(),
    scope: { namespace: acme },
    details: { description: { from: 'none', to: text } },
  } as unknown as EventDraft;
}

describe('traces of a user', () => {
  it('are name, address, agent and credential of the user’s own acts', () => {
    assert.deepEqual(found(pushed({ by: by({ actor: alice }) })), [
      '/actor/name',
      '/credential/name',
      '/request/ip',
      '/request/userAgent',
    ]);
  });

  it('are the same of the user’s robots and of what is done on the user’s behalf', () => {
    const robot = by({ actor: { kind: 'robot', id: 'robot-id', name: 'alice+ci', proven: true } });
    assert.ok(found(pushed({ by: robot })).includes('/request/ip'));
    const helped = by({ onBehalfOf: { kind: 'user', id: 'alice-id', name: 'alice' } });
    assert.deepEqual(found(pushed({ by: helped })), [
      '/onBehalfOf/name',
      '/request/ip',
      '/request/userAgent',
    ]);
  });

  it('are the names of the user’s namespace and projects, whoever acted there', () => {
    const scope = {
      namespace: alicesOwn,
      project: { format: 'container' as const, id: 'p2', path: 'alice/app' },
    };
    assert.deepEqual(found(pushed({ scope })), ['/scope/namespace/name', '/scope/project/path']);
  });

  it('are the user as the one it was done to', () => {
    const granted = {
      type: 'project.role.grant',
      by: by(),
      scope: { namespace: acme },
      target: { kind: 'project', id: 'p1', name: 'acme/app' },
      details: { subjectKind: 'user', subject: 'alice', subjectId: 'alice-id', role: 'reader' },
    } as unknown as EventDraft;
    assert.deepEqual(found(granted), ['/details/subject']);
    const member = {
      type: 'organisation.member.add',
      by: by(),
      scope: { namespace: acme },
      target: { kind: 'user', id: 'alice-id', name: 'alice' },
      details: { role: 'member' },
    } as unknown as EventDraft;
    assert.deepEqual(found(member), ['/target/name']);
  });

  it('are what account events say of the account, whatever it is', () => {
    const changed = {
      type: 'account.email.change',
      by: by(),
      scope: { namespace: alicesOwn },
      target: { kind: 'user', id: 'alice-id', name: 'alice' },
      details: { from: 'old@example.net', to: 'alice@example.org' },
    } as unknown as EventDraft;
    assert.deepEqual(found(changed), [
      '/details/from',
      '/details/to',
      '/scope/namespace/name',
      '/target/name',
    ]);
  });

  it('are attempts on the account, but their address only where it is known to be the user’s', () => {
    const attempt = (ip: string): EventDraft =>
      ({
        type: 'account.sign_in.refuse',
        by: by({
          actor: { ...alice, proven: false },
          credential: { kind: 'password' },
          request: { id: 'r', protocol: 'http', ip, userAgent: 'curl' },
        }),
        scope: { namespace: alicesOwn },
        outcome: 'denied',
        reason: 'wrong_password',
        details: { attempted: { action: 'sign_in' }, surface: 'console', typedName: 'Alice' },
      }) as unknown as EventDraft;
    const names = ['/actor/name', '/details/typedName', '/scope/namespace/name'];
    assert.deepEqual(found(attempt('198.51.100.1')), names);
    assert.deepEqual(found(attempt('192.0.2.99')), [...names, '/request/ip', '/request/userAgent'].sort());
  });

  it('are texts that say a name as a word of its own, in any case', () => {
    const to = ['/details/description/to'];
    for (const text of [
      'ask alice',
      'ALICE.',
      'alice/app',
      '(alice)',
      'mail alice@example.org!',
      'Alice-ish',
    ])
      assert.deepEqual(found(described(text)), to, text);
    for (const text of ['malice', 'alices', 'ask alice-smith', 'alice-smith.', 'nobody'])
      assert.deepEqual(found(described(text)), [], text);
    assert.deepEqual(found(described('alice-smith met alice')), to);
  });

  it('are not the names of others, however they are called', () => {
    const other = by({ actor: { kind: 'user', id: 'as-id', name: 'alice-smith', proven: true } });
    const scope = {
      namespace: { kind: 'organisation' as const, id: 'x', name: 'alice' },
      project: { format: 'container' as const, id: 'p', path: 'alice/app' },
    };
    assert.deepEqual(found(pushed({ by: other, scope })), []);
  });

  it('are nothing in an event that speaks of somebody else, and none where the private row is gone', () => {
    assert.deepEqual(found(pushed()), []);
    const own = stored(pushed({ by: by({ actor: alice }) }));
    assert.deepEqual(traceFinder(ofAlice).find({ ...own, fields: null }), []);
    assert.deepEqual(traceFinder(ofAlice).find({ ...own, fields: '{}' }), []);
  });

  it('survive letters that patterns and JSON write differently', () => {
    const odd = normalName('Zoë "Z" (O+E)');
    const traces = { ...ofAlice, userId: 'zoe-id', names: [odd] };
    for (const text of ['by Zoë "Z" (O+E)!', 'by Zoe\u0308 "z" (o+e)'])
      assert.deepEqual(found(described(text), traces), ['/details/description/to']);
  });

  it('learns from events what the account tells no more', () => {
    const finder = traceFinder({ ...ofAlice, names: ['alice'] });
    const renamed = {
      type: 'account.user.rename',
      by: by({ actor: alice }),
      scope: { namespace: alicesOwn },
      target: { kind: 'user', id: 'alice-id', name: 'alice' },
      details: { from: 'Alicia', to: 'alice' },
    } as unknown as EventDraft;
    const learned = finder.learn(stored(renamed));
    assert.deepEqual([...new Set(learned?.names)].sort(), ['alice', 'alicia']);
    assert.equal(learned?.address, hexOf('192.0.2.7'));
    assert.equal(finder.learn(stored(pushed())), undefined);
  });
});

describe('traces of a typed name', () => {
  const typed: Traces = { robotIds: [], names: ['mallory@example.org'], others: [], addresses: [] };
  it('are what was typed, and where it came from', () => {
    const attempt = {
      type: 'account.sign_in.refuse',
      by: by({
        actor: { kind: 'anonymous', name: 'mallory@example.org', proven: false },
        credential: { kind: 'password' },
      }),
      scope: {},
      outcome: 'denied',
      reason: 'unknown_user',
      details: {
        attempted: { action: 'sign_in' },
        surface: 'console',
        typedName: 'Mallory@example.org',
        repeats: {
          count: 2,
          firstAt: 'x',
          lastAt: 'y',
          samples: ['mallory@example.org acme/app'],
          folded: 'key',
        },
      },
    } as unknown as EventDraft;
    assert.deepEqual(found(attempt, typed), [
      '/actor/name',
      '/details/repeats/samples',
      '/details/typedName',
      '/request/ip',
      '/request/userAgent',
    ]);
    assert.deepEqual(found(pushed(), typed), []);
  });
});

describe('traces of an address', () => {
  it('are the address in every spelling, and nothing else', () => {
    const address = (text: string): Traces => ({
      robotIds: [],
      names: [],
      others: [],
      addresses: [hexOf(text) as string],
    });
    assert.deepEqual(found(pushed(), address('192.0.2.7')), ['/request/ip']);
    assert.deepEqual(found(pushed(), address('192.0.2.70')), []);
    const six = pushed({ by: by({ request: { id: 'r', protocol: 'http', ip: '2001:db8::7' } }) });
    assert.deepEqual(found(six, address('2001:0db8:0:0::7')), ['/request/ip']);
    assert.deepEqual(found(described('from 192.0.2.70 by 198.51.100.4, again'), address('198.51.100.4')), [
      '/details/description/to',
    ]);
  });
});
