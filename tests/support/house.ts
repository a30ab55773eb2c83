/** For tests: a database with its trail, identity and access, a clock that moves when told, and cheap password hashes. */
import type { Reason, RequestFacts, SwitchName } from '@tallyman/contract';
import { Access } from '../../server/src/access/access.ts';
import { openDb } from '../../server/src/db/open.ts';
import type { Db } from '../../server/src/db/store.ts';
import type { Caller } from '../../server/src/domain/caller.ts';
import { AppError } from '../../server/src/domain/error.ts';
import type { Presented } from '../../server/src/http/presented.ts';
import { Identity } from '../../server/src/identity/identity.ts';
import type { IdentityLimits } from '../../server/src/identity/limits.ts';
import type { SignInContext } from '../../server/src/identity/sign-in-context.ts';
import { createUser, type UserCreation } from '../../server/src/identity/users.ts';
import { manualClock } from '../../server/src/stdx/clock.ts';
import type { Performer } from '../../server/src/trail/draft.ts';
import { Trail } from '../../server/src/trail/trail.ts';
import { readEvents } from './events.ts';
import { createTestDatabase, postgresSkip } from './postgres.ts';
import { createTempFolder } from './temp-folder.ts';

export const engines = [
  { engine: 'sqlite', skip: false },
  { engine: 'postgres', skip: postgresSkip() },
] as const;
export type Engine = (typeof engines)[number]['engine'];

export const cheap = { argon2: { memoryKib: 8, passes: 1 } } as const;
export const root: Performer = {
  actor: { kind: 'system', id: 'test', proven: true },
  credential: { kind: 'none' },
  request: { id: 'setup', protocol: 'internal' },
};
export const request: RequestFacts = {
  id: 'request',
  protocol: 'http',
  ip: '192.0.2.7',
  method: 'GET',
  userAgent: 'test/1',
};
export const deleteNothing = async () => ({ tags: 0, manifests: 0 });

export async function openHouse(engine: Engine, settings: Partial<IdentityLimits> = {}) {
  await using opened = new AsyncDisposableStack();
  const folder = opened.use(await createTempFolder('identity'));
  const database = engine === 'postgres' ? opened.use(await createTestDatabase()) : undefined;
  const location = database
    ? ({ engine: 'postgres', url: database.url } as const)
    : ({ engine: 'sqlite', path: folder.join('t.db') } as const);
  const db = await openDb(location);
  opened.defer(() => db.close());
  const clock = manualClock();
  const trail = new Trail({ db, clock });
  opened.defer(() => trail.stop());
  const identity = new Identity({
    db,
    trail,
    clock,
    registryKey: new Uint8Array(32).fill(7),
    publicUrl: 'http://127.0.0.1:8080',
    settings: { ...cheap, ...settings },
  });
  opened.defer(() => identity.stop());
  const parts = identity.parts;
  const held = opened.move();
  return {
    db,
    clock,
    trail,
    identity,
    parts,
    access: new Access({ db }),
    user: (name: string, more: Partial<UserCreation> = {}) =>
      createUser(parts, { by: root, name, password: `password of ${name}`, ...more }),
    signIn: (presented: Presented, context: Partial<SignInContext> = {}) =>
      signIn(identity, presented, context),
    refused: (presented: Presented, context: Partial<SignInContext> = {}) =>
      refusal(signIn(identity, presented, context)).finally(() => identity.settle()),
    eventsSince: (from: number) => readEvents(db, from),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
export type House = Awaited<ReturnType<typeof openHouse>>;

export function basic(username: string, secret: string): Presented {
  return { kind: 'basic', username, secret };
}

export function contextOf(more: Partial<SignInContext> = {}): SignInContext {
  const attempted = { action: 'pull', project: 'acme/app', reference: 'latest' };
  return {
    surface: 'basic',
    request,
    source: '192.0.2.7',
    attempted,
    groups: ['failed_pulls' satisfies SwitchName],
    ...more,
  };
}

async function signIn(
  identity: Identity,
  presented: Presented,
  more: Partial<SignInContext>,
): Promise<Caller> {
  const caller = await identity.authenticate(presented, contextOf(more));
  if (!caller) throw new Error('nothing was presented');
  return caller;
}

export type Refusal = {
  code: string;
  reason: Reason | undefined;
  message: string;
  retryAfterSeconds: number | undefined;
};

/** What the world sees of a refusal; fails when there was none. */
export async function refusal(attempt: Promise<unknown>): Promise<Refusal> {
  try {
    await attempt;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const { code, reason, message, retryAfterSeconds } = error;
    return { code, reason, message, retryAfterSeconds };
  }
  throw new Error('it was allowed');
}

/** How many events there are: where a test's own begin. */
export async function mark(db: Db): Promise<number> {
  return db.head();
}
