/**
 * Console sessions: a cookie with 256 random bits, stored as a hash like any token, with an idle and an absolute end.
 * One begins only after a password was accepted by `authenticate` on the surface `console`.
 */
import type { Caller } from '../domain/caller.ts';
import { AppError } from '../domain/error.ts';
import type { Secret } from '../stdx/secret.ts';
import type { Performer } from '../trail/draft.ts';
import { safeText } from '../trail/seal.ts';
import { namespaceScope } from './attribution.ts';
import {
  endCredential,
  endSessionsIn,
  insertCredential,
  listCredentials,
  type Token,
  type TokenPage,
  unknownToken,
} from './credentials.ts';
import type { AccountParts, IdentityStore } from './parts.ts';
import { findTokenOf, requireUser } from './tokens.ts';

/** `name` of a session is the browser that began it, as it called itself. */
export type Session = Token;

/** Records the sign-in. `secret` goes into the cookie and nowhere else. */
export async function createSession(
  store: IdentityStore,
  { by }: { by: Caller },
): Promise<{ session: Session; secret: Secret }> {
  const userId = by.actor.id;
  if (by.actor.kind !== 'user' || userId === undefined || by.credential.kind !== 'password' || by.grants) {
    throw new AppError('forbidden', 'A console session begins with a user name and password.', {
      reason: 'not_permitted',
    });
  }
  const name = safeText(by.request.userAgent ?? '')
    .slice(0, 200)
    .replaceAll('\0', '');
  return store.db.transact(async (tx) => {
    const user = await requireUser(tx, userId);
    const expiresAtUs = store.clock.nowUs() + store.limits.sessionAbsoluteMs * 1000;
    const made = await insertCredential(store, tx, {
      kind: 'session',
      principalId: userId,
      name,
      expiresAtUs,
    });
    store.trail.record(tx, {
      type: 'account.sign_in.succeed',
      by,
      scope: namespaceScope({ kind: 'user', ...user }),
      target: { kind: 'session', id: made.token.id },
      details: { surface: 'console' },
    });
    return { session: made.token, secret: made.secret };
  });
}

/** Newest first; ended ones included. */
export async function listSessions(
  parts: Pick<AccountParts, 'db' | 'clock'>,
  page: TokenPage & { userId: string },
): Promise<{ tokens: Session[]; next?: string }> {
  return listCredentials(parts, { principalId: page.userId, kinds: ['session'] }, page);
}

/** Signs out. Throws not_found for a session that is somebody else's or has ended. */
export async function endSession(
  parts: AccountParts,
  change: { by: Performer; userId: string; sessionId: string },
): Promise<void> {
  const { by, userId, sessionId } = change;
  await parts.db.transact(async (tx) => {
    const user = await requireUser(tx, userId);
    const session = await findTokenOf(tx, { userId, tokenId: sessionId, nowUs: parts.clock.nowUs() });
    const ended =
      session?.kind === 'session' && (await endCredential(parts, tx, { id: sessionId, kind: 'session' }));
    if (!ended) throw unknownToken();
    parts.trail.record(tx, {
      type: 'account.session.end',
      by,
      scope: namespaceScope({ kind: 'user', ...user }),
      target: { kind: 'session', id: sessionId },
      details: { sessions: 1 },
    });
  });
}

/** Ends all sessions of a user but one; returns how many. No event when there were none. */
export async function endSessions(
  parts: AccountParts,
  change: { by: Performer; userId: string; keepSessionId?: string },
): Promise<number> {
  const { by, userId } = change;
  return parts.db.transact(async (tx) => {
    const user = await requireUser(tx, userId);
    const sessions = await endSessionsIn(parts, tx, userId, change.keepSessionId);
    if (sessions === 0) return 0;
    parts.trail.record(tx, {
      type: 'account.session.end',
      by,
      scope: namespaceScope({ kind: 'user', ...user }),
      target: { kind: 'user', ...user },
      details: { sessions },
    });
    return sessions;
  });
}
