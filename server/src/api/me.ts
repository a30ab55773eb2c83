/** One's own account: what it is, its e-mail, password and sessions. */
import type { AccountSession, Me } from '@tallyman/contract';
import type { Caller } from '../domain/caller.ts';
import { AppError } from '../domain/error.ts';
import type { Identity } from '../identity/identity.ts';
import { endSession, endSessions, listSessions, type Session } from '../identity/sessions.ts';
import { changeDisplayName, changeEmail, changePassword, getUser } from '../identity/users.ts';
import { formatUs } from '../stdx/clock.ts';
import { rolesOf, timeOrNull, userIdOf } from './accounts.ts';
import type { ApiCall, ApiHandlers } from './call.ts';
import { nextOf, pageOf } from './pages.ts';
import { selectMemberships } from './rows.ts';

export type MeParts = { identity: Pick<Identity, 'parts' | 'authenticate'> };

type MeRoutes =
  | `me.${'get' | 'put_email' | 'put_display_name' | 'put_password'}`
  | `me.sessions.${'list' | 'delete' | 'delete_others'}`;

export function meHandlers({ identity }: MeParts): ApiHandlers<MeRoutes> {
  const store = identity.parts;
  return {
    'me.get': async ({ caller }) => viewMe({ identity }, caller),
    'me.put_email': async ({ caller, body }) => {
      const email = body.email === null ? {} : { email: body.email };
      await changeEmail(store, { by: caller, userId: userIdOf(caller), ...email });
      return viewMe({ identity }, caller);
    },
    'me.put_display_name': async ({ caller, body }) => {
      const name = body.displayName === null ? {} : { displayName: body.displayName };
      await changeDisplayName(store, { by: caller, userId: userIdOf(caller), ...name });
      return viewMe({ identity }, caller);
    },
    'me.put_password': async (call) => {
      const { caller, body } = call;
      const userId = userIdOf(caller);
      await requirePassword({ identity }, call, body.current);
      const keep = sessionIdOf(caller);
      const kept = keep === undefined ? {} : { keepSessionId: keep };
      await changePassword(store, { by: caller, userId, password: body.password, ...kept });
    },
    'me.sessions.list': async ({ caller, query }) => {
      const { tokens, next } = await listSessions(store, { userId: userIdOf(caller), ...pageOf(query) });
      const current = sessionIdOf(caller);
      const live = tokens.filter(({ state }) => state === 'live');
      return { items: live.map((session) => viewSession(session, current)), next: nextOf(next) };
    },
    'me.sessions.delete': async ({ caller, params }) =>
      endSession(store, { by: caller, userId: userIdOf(caller), sessionId: params.session }),
    'me.sessions.delete_others': async ({ caller }) => {
      const keep = sessionIdOf(caller);
      const kept = keep === undefined ? {} : { keepSessionId: keep };
      await endSessions(store, { by: caller, userId: userIdOf(caller), ...kept });
    },
  };
}

/** As a sign-in, with its lock-out and its event: a stolen session must not be a place to guess the password. */
async function requirePassword(
  { identity }: MeParts,
  { caller, visit, request }: ApiCall<'me.put_password'>,
  password: string,
): Promise<void> {
  const presented = { kind: 'basic', username: caller.actor.name ?? '', secret: password } as const;
  const { facts, source } = request;
  const context = {
    surface: 'console',
    request: facts,
    source,
    attempted: { action: 'me.put_password' },
    refusedStatus: 403,
  } as const;
  try {
    await identity.authenticate(presented, context);
  } catch (error) {
    visit.recorded = true;
    throw asWrongPassword(error);
  }
}

/** 403 and not 401: whoever asks is signed in, and stays so. */
function asWrongPassword(cause: unknown): unknown {
  if (!(cause instanceof AppError) || cause.code !== 'unauthenticated') return cause;
  return new AppError(
    'forbidden',
    'The current password is wrong or not accepted now, so it was not changed.',
    {
      reason: 'wrong_password',
      details: { field: 'current' },
      cause,
    },
  );
}

export function sessionIdOf({ credential }: Caller): string | undefined {
  return credential.kind === 'session' ? credential.id : undefined;
}

async function viewMe({ identity }: Pick<MeParts, 'identity'>, caller: Caller): Promise<Me> {
  const { kind, id, name } = caller.actor;
  if ((kind !== 'user' && kind !== 'robot') || id === undefined) {
    throw new AppError('forbidden', 'Only users and robots have an account.', { reason: 'not_permitted' });
  }
  const { db } = identity.parts;
  const user = kind === 'user' ? await getUser({ db }, { id }) : undefined;
  const memberships = kind === 'user' ? await selectMemberships(db.read, id) : [];
  const { credential, scopes } = caller;
  return {
    kind,
    id,
    name: name ?? '',
    email: user?.email ?? null,
    displayName: user?.displayName ?? null,
    roles: user?.roles ?? rolesOf(caller.roles),
    credential: {
      kind: credential.kind,
      ...(credential.name !== undefined && { name: credential.name }),
      scopes: scopes === undefined ? null : [...scopes],
    },
    organisations: memberships.map((row) => ({ id: row.id, name: row.name, role: row.role })),
  };
}

function viewSession(session: Session, current: string | undefined): AccountSession {
  return {
    id: session.id,
    name: session.name,
    createdAt: formatUs(session.createdAtUs),
    expiresAt: timeOrNull(session.expiresAtUs),
    lastUsedAt: timeOrNull(session.lastUsedAtUs),
    lastUsedSource: session.lastUsedSource ?? null,
    current: session.id === current,
  };
}
