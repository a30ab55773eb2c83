/** First run, signing in and out of the console, and what the server says of itself. */
import type { RequestFacts, Session } from '@tallyman/contract';
import { csrfHeader, type ServerInfo, type SignIn } from '@tallyman/contract';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Caller } from '../domain/caller.ts';
import { AppError } from '../domain/error.ts';
import { sessionCookie } from '../http/presented.ts';
import type { Identity } from '../identity/identity.ts';
import { createSession, endSession } from '../identity/sessions.ts';
import { createFirstAdmin, hasUsers } from '../identity/users.ts';
import { formatUs } from '../stdx/clock.ts';
import type { Performer } from '../trail/draft.ts';
import type { Trail } from '../trail/trail.ts';
import { rolesOf, userIdOf } from './accounts.ts';
import type { ApiHandlers } from './call.ts';
import { isSameOrigin } from './gates.ts';
import { sessionIdOf } from './me.ts';
import { selectCredentialEnd } from './rows.ts';

export type SessionParts = {
  identity: Pick<Identity, 'parts' | 'authenticate' | 'csrfToken'>;
  trail: Pick<Trail, 'attempt'>;
  publicUrl: string;
  version: string;
  formats: ServerInfo['formats'];
  /** The one-time code of the first start; absent when an administrator was configured or there are users. */
  setupCode?: { isRight(typed: string): boolean } | undefined;
};

/** Wrong codes of all sources together within the window, beyond which nobody may try. */
export const setupLimits = { wrongCodes: 20, windowMs: 10 * 60_000 } as const;

type SessionRoutes = 'server.get' | `setup.${'get' | 'create'}` | `session.${'get' | 'create' | 'delete'}`;

export function sessionHandlers(parts: SessionParts): ApiHandlers<SessionRoutes> {
  const { identity, publicUrl } = parts;
  const store = identity.parts;
  const wrong = new WrongCodes(() => store.clock.nowMs());
  return {
    'server.get': async ({ caller }) => ({
      name: 'tallyman',
      publicUrl,
      registry: URL.parse(publicUrl)?.host ?? '',
      formats: parts.formats,
      ...(caller !== undefined && { version: parts.version }),
    }),
    'setup.get': async () => ({ needed: !(await hasUsers(store.db.read)) }),
    'setup.create': async ({ body, done, request, reply }) => {
      const { code, username: name, password, email } = body;
      await requireOwnPage(parts, request);
      await requireCode(parts, wrong, { code, request });
      await createFirstAdmin(store, { by: nobody(done), name, password, ...(email && { email }) });
      return signIn(parts, { username: name, password }, { done, request, reply });
    },
    'session.get': async ({ caller, request }) => {
      const { presented } = request;
      if (caller === undefined || presented.kind !== 'session') return { signedIn: false };
      return viewSession(parts, caller, presented.secret);
    },
    'session.create': async ({ body, done, request, reply }) => {
      await requireOwnPage(parts, request);
      return signIn(parts, body, { done, request, reply });
    },
    'session.delete': async ({ caller, reply }) => {
      const sessionId = sessionIdOf(caller);
      if (sessionId === undefined) {
        throw new AppError('conflict', 'This request was not made with a session, so there is none to end.', {
          reason: 'conflict',
        });
      }
      await endSession(store, { by: caller, userId: userIdOf(caller), sessionId });
      setCookie(parts, reply, { secret: '', maxAgeSeconds: 0 });
    },
  };
}

type Exchange = { done: RequestFacts; request: FastifyRequest; reply: FastifyReply };

async function signIn(
  parts: SessionParts,
  { username, password }: SignIn,
  { done, request, reply }: Exchange,
): Promise<Session> {
  const { identity } = parts;
  const context = {
    surface: 'console',
    request: request.facts,
    source: request.source,
    attempted: { action: 'sign_in' },
  } as const;
  const caller = await identity.authenticate({ kind: 'basic', username, secret: password }, context);
  if (caller === undefined)
    throw new AppError('unauthenticated', 'Sign in with a name and a password.', { reason: 'not_signed_in' });
  const { session, secret } = await createSession(identity.parts, { by: { ...caller, request: done } });
  const maxAgeSeconds = Math.floor(identity.parts.limits.sessionAbsoluteMs / 1000);
  setCookie(parts, reply, { secret: secret.reveal(), maxAgeSeconds });
  return viewSession(parts, { ...caller, credential: { kind: 'session', id: session.id } }, secret.reveal());
}

/** RFC 6265bis: not readable by scripts, not sent from other sites, over TLS only where there is TLS. */
function setCookie(
  { publicUrl }: SessionParts,
  reply: FastifyReply,
  { secret, maxAgeSeconds }: { secret: string; maxAgeSeconds: number },
): void {
  const secure = publicUrl.startsWith('https:') ? '; Secure' : '';
  reply.header(
    'set-cookie',
    `${sessionCookie}=${secret}; Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Strict${secure}`,
  );
}

async function viewSession({ identity }: SessionParts, caller: Caller, secret: string): Promise<Session> {
  const { id, name } = caller.actor;
  const endsAtUs = await selectCredentialEnd(identity.parts.db.read, sessionIdOf(caller) ?? '');
  return {
    signedIn: true,
    user: { id: id ?? '', name: name ?? '', roles: rolesOf(caller.roles) },
    csrfToken: identity.csrfToken(secret),
    expiresAt: formatUs(endsAtUs ?? identity.parts.clock.nowUs()),
  };
}

/** A page of somebody else must not sign a browser in: what is done then would be done in their account. */
async function requireOwnPage({ trail, publicUrl }: SessionParts, request: FastifyRequest): Promise<void> {
  if (isSameOrigin(request, publicUrl)) return;
  await recordRefusal(trail, request, { reason: 'csrf_failed', surface: 'console', status: 403 });
  throw new AppError(
    'forbidden',
    `Signing in is only possible from the console itself; other pages cannot send ${csrfHeader}.`,
    {
      reason: 'csrf_failed',
    },
  );
}

async function requireCode(
  { trail, setupCode, identity }: SessionParts,
  wrong: WrongCodes,
  { code, request }: { code: string; request: FastifyRequest },
): Promise<void> {
  if (setupCode === undefined || (await hasUsers(identity.parts.db.read))) {
    throw new AppError('conflict', 'This server has its first administrator already. Sign in instead.', {
      reason: 'conflict',
    });
  }
  const waitSeconds = wrong.waitSeconds();
  if (waitSeconds !== undefined) {
    await recordRefusal(trail, request, { reason: 'rate_limited', surface: 'setup', status: 429 });
    throw new AppError(
      'rate_limited',
      'Too many wrong codes. Wait before you try again, or restart the server for a new code.',
      {
        reason: 'rate_limited',
        retryAfterSeconds: waitSeconds,
      },
    );
  }
  if (setupCode.isRight(code)) return;
  wrong.note();
  await recordRefusal(trail, request, { reason: 'setup_code_wrong', surface: 'setup', status: 401 });
  throw new AppError(
    'unauthenticated',
    'The one-time code is wrong. It stands where the server was started.',
    {
      reason: 'setup_code_wrong',
      details: { field: 'code' },
    },
  );
}

type RefusedSignIn = {
  reason: 'csrf_failed' | 'rate_limited' | 'setup_code_wrong';
  surface: 'console' | 'setup';
  status: number;
};

async function recordRefusal(
  trail: Pick<Trail, 'attempt'>,
  request: FastifyRequest,
  refused: RefusedSignIn,
): Promise<void> {
  const { reason, surface, status } = refused;
  await trail.attempt({
    type: 'account.sign_in.refuse',
    by: nobody(request.facts),
    scope: {},
    outcome: 'denied',
    reason,
    source: request.source,
    status,
    details: { attempted: { action: surface === 'setup' ? 'setup' : 'sign_in' }, surface },
  });
}

function nobody(request: RequestFacts): Performer {
  return { actor: { kind: 'anonymous', proven: false }, credential: { kind: 'none' }, request };
}

/** One bound for everybody: the code is one, and who guesses it has many addresses. */
class WrongCodes {
  readonly #nowMs: () => number;
  #count = 0;
  #sinceMs = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  note(): void {
    const now = this.#nowMs();
    if (now - this.#sinceMs >= setupLimits.windowMs) {
      this.#count = 0;
      this.#sinceMs = now;
    }
    this.#count++;
  }

  waitSeconds(): number | undefined {
    const leftMs = this.#sinceMs + setupLimits.windowMs - this.#nowMs();
    return this.#count >= setupLimits.wrongCodes && leftMs > 0 ? Math.ceil(leftMs / 1000) : undefined;
  }
}
