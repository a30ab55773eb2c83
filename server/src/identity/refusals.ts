/**
 * A sign-in that failed: one recorded refusal, then an answer that tells the world no more than it may know. Unknown
 * and wrong read the same; only somebody who holds a genuine token is told that it has expired.
 */
import type { Reason } from '@tallyman/contract';
import { AppError } from '../domain/error.ts';
import type { Presented } from '../http/presented.ts';
import type { RefusalDraft } from '../trail/draft.ts';
import { safeText } from '../trail/seal.ts';
import { systemPerformer } from '../trail/system-performer.ts';
import type { Refused } from './attribution.ts';
import type { IdentityStore } from './parts.ts';
import type { PasswordSignIn } from './password-sign-in.ts';
import type { SignInContext } from './sign-in-context.ts';
import type { Throttle } from './throttle.ts';

export type Refusal = Refused & {
  presented: Presented;
  requested?: readonly string[];
  granted?: readonly string[];
};

/** Records the refusal, counts it, and returns the error to throw. Rejects when it could not be recorded. */
export async function refuse(
  parts: { store: IdentityStore; throttle: Throttle; passwordSignIn: Pick<PasswordSignIn, 'tryCount'> },
  refusal: Refusal,
  context: SignInContext,
): Promise<AppError> {
  const { store, throttle } = parts;
  const waitSeconds = throttle.retryAfterSeconds(context.source);
  const reason: Reason = waitSeconds === undefined ? refusal.reason : 'rate_limited';
  const isLimited = reason === 'rate_limited';
  const counted = isLimited
    ? undefined
    : throttle.note(context.source, fingerprintOf(throttle, refusal.presented, context));
  const status = isLimited ? 429 : (context.refusedStatus ?? 401);
  await store.trail.attempt(draftOf({ ...refusal, reason }, context, status), context.groups);
  const { id, name = '' } = refusal.claim.actor;
  if (counted?.first && reason === 'wrong_password' && id !== undefined) {
    parts.passwordSignIn.tryCount({ user: { id, name }, request: context.request });
  }
  if (counted?.limit) {
    const { count, windowSeconds } = counted.limit;
    await recordLimit(store, { limit: 'failed_sign_ins', count, windowSeconds });
  }
  return isLimited ? tooMany(waitSeconds ?? 1) : answerFor(reason, refusal.claim.credential.kind);
}

/** The password check has no room: recorded as a refusal like any other, and answered 429. */
export async function refuseOverloaded(
  store: IdentityStore,
  refusal: Omit<Refusal, 'reason'> & { error: AppError },
  context: SignInContext,
): Promise<AppError> {
  await store.trail.attempt(draftOf({ ...refusal, reason: 'rate_limited' }, context, 429), context.groups);
  return refusal.error;
}

export async function recordLimit(
  store: IdentityStore,
  details: { limit: string; count: number; windowSeconds: number },
): Promise<void> {
  await store.trail.read({
    type: 'system.limit.reach',
    by: systemPerformer(store.clock, 'identity'),
    scope: {},
    details,
  });
}

function draftOf(
  refusal: Refusal,
  context: SignInContext,
  status: number,
): RefusalDraft<'account.sign_in.refuse'> {
  const { claim, presented, requested, granted } = refusal;
  const { actor, onBehalfOf, credential, scope, application } = claim;
  const { action, project, reference } = context.attempted;
  return {
    type: 'account.sign_in.refuse',
    by: { actor, ...(onBehalfOf && { onBehalfOf }), credential, request: context.request },
    scope,
    outcome: 'denied',
    reason: refusal.reason,
    source: context.source,
    status,
    details: {
      attempted: {
        action,
        ...(project !== undefined && { project: safeText(project) }),
        ...(reference !== undefined && { reference: safeText(reference) }),
      },
      surface: context.surface,
      ...(presented.kind === 'basic' && { typedName: safeText(presented.username) }),
      ...(application !== undefined && { application }),
      ...(requested && { requested: [...requested] }),
      ...(granted && { granted: [...granted] }),
    },
  };
}

function fingerprintOf(throttle: Throttle, presented: Presented, { source }: SignInContext): string {
  switch (presented.kind) {
    case 'basic':
      return throttle.fingerprint(source, 'basic', presented.username, presented.secret);
    case 'bearer':
      return throttle.fingerprint(source, 'bearer', presented.token);
    case 'session':
      return throttle.fingerprint(source, 'session', presented.secret);
    default:
      return throttle.fingerprint(source, presented.kind);
  }
}

type CredentialKind = Refused['claim']['credential']['kind'];

/** The thrown reason is shown to the world, so it is the same for everything that must look the same. */
function answerFor(reason: Reason, kind: CredentialKind): AppError {
  if (reason === 'credential_malformed') {
    return unauthenticated(
      'The Authorization header could not be read. Send Basic or Bearer credentials.',
      reason,
    );
  }
  if (reason === 'token_invalid') {
    return unauthenticated(
      'The registry token is malformed or was not issued by this server. Ask for a new one.',
      reason,
    );
  }
  if (reason === 'token_expired') return expired(kind);
  if (kind === 'password') {
    return unauthenticated(
      'The user name or password is wrong, or the account does not accept passwords now. After too many wrong passwords it is locked for a while.',
      'wrong_password',
    );
  }
  if (kind === 'robot_token') {
    return unauthenticated(
      'The robot or its token is not accepted. Check both, or rotate the token.',
      'wrong_token',
    );
  }
  if (kind === 'session')
    return unauthenticated('The session is not known or was ended. Sign in again.', 'unknown_token');
  return unauthenticated(
    'The token is not accepted: it is unknown, was revoked, or its account is disabled.',
    'unknown_token',
  );
}

export function expired(kind: CredentialKind | 'registry_token'): AppError {
  if (kind === 'session') return unauthenticated('The session has run out. Sign in again.', 'token_expired');
  if (kind === 'registry_token')
    return unauthenticated('The registry token has expired. Ask for a new one.', 'token_expired');
  return unauthenticated('The token has expired. Make a new one.', 'token_expired');
}

function unauthenticated(message: string, reason: Reason): AppError {
  return new AppError('unauthenticated', message, { reason });
}

function tooMany(retryAfterSeconds: number): AppError {
  return new AppError(
    'rate_limited',
    'Too many sign-ins from your address failed. Wait before you try again.',
    {
      reason: 'rate_limited',
      retryAfterSeconds,
    },
  );
}
