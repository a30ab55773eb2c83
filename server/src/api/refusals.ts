/**
 * Every refusal of the management API becomes one event before it is answered: whoever was signed in and did not get
 * what the row gives. Nobody signed in and nothing presented is a challenge, not a refusal; a credential that failed was
 * recorded by identity already.
 */
import {
  type ApiRoute,
  type ApiRouteId,
  declarationOf,
  type Reason,
  type RefusalType,
  type Scope,
} from '@tallyman/contract';
import type { Caller } from '../domain/caller.ts';
import type { AppError, ErrorCode } from '../domain/error.ts';
import { statusOf } from '../http/problem.ts';
import { lockOf } from '../policies/locked.ts';
import type { RefusalDraft } from '../trail/draft.ts';
import { safeText } from '../trail/seal.ts';

/** What one request has come to, filled in gate by gate. */
export type Visit = {
  /** Undefined for a method that the path does not have. */
  id: ApiRouteId | undefined;
  /** What was tried, where it is no endpoint of the contract's table. */
  action?: string;
  row: Pick<ApiRoute, 'refusal' | 'permission'>;
  caller?: Caller | undefined;
  /** Where it stands: the owner of this scope reads the refusal. */
  scope: Scope;
  attempted: { project?: string; reference?: string; subject?: string };
  /** Identity has told it already: no request yields two failures. */
  recorded?: true;
  /** Set by the gate that says no, where the event tells more than the answer may. */
  refusal?: { reason: Reason; roleHeld?: string; roleNeeded?: string };
};

/** Words for what was tried at a container project, as the registry uses them; elsewhere it is the endpoint's id. */
const actions: Partial<Record<RefusalType, string>> = {
  'container.pull.refuse': 'pull',
  'container.push.refuse': 'push',
  'container.delete.refuse': 'delete',
  'account.sign_in.refuse': 'sign_in',
};

export function actionOf({ id, action, row }: Pick<Visit, 'id' | 'action' | 'row'>): string {
  return actions[row.refusal] ?? id ?? action ?? 'api.method';
}

/** What the event says when the error carries no word of its own. */
const reasonOf: Record<ErrorCode, Reason | undefined> = {
  unauthenticated: 'not_signed_in',
  forbidden: 'not_permitted',
  not_found: 'target_unknown',
  conflict: 'conflict',
  invalid: 'request_invalid',
  range_not_satisfiable: 'request_invalid',
  too_large: 'too_large',
  unsupported: 'request_invalid',
  unprocessable: 'request_invalid',
  method_not_allowed: 'method_not_allowed',
  rate_limited: 'rate_limited',
  unavailable: 'unavailable',
  // A fault of ours is no refusal: it stands in the log under the request's id.
  internal: undefined,
};

const ruleSaidNo: ReadonlySet<Reason> = new Set([
  'not_signed_in',
  'not_permitted',
  'scope_missing',
  'csrf_failed',
  'name_reserved',
  'rate_limited',
  'tag_immutable',
  'quota_exceeded',
  'wrong_password',
  'locked_out',
  'account_disabled',
  'method_not_allowed',
]);

const hasLock: ReadonlySet<RefusalType> = new Set([
  'api.action.refuse',
  'container.push.refuse',
  'container.delete.refuse',
]);

/** Undefined when there is nobody to speak of, or nothing was refused. */
export function refusalDraft(visit: Visit, error: AppError): RefusalDraft | undefined {
  const { caller, row, refusal, recorded } = visit;
  const reason = refusal?.reason ?? error.reason ?? reasonOf[error.code];
  if (caller === undefined || recorded || reason === undefined || error.code === 'internal') return undefined;
  const type = typeFor(row.refusal, reason);
  const { project, reference, subject } = visit.attempted;
  const lock = lockOf(error);
  return {
    type,
    by: caller,
    scope: visit.scope,
    outcome: ruleSaidNo.has(reason) ? 'denied' : 'failed',
    reason,
    source: caller.source,
    ...(lock !== undefined && { blockedBy: lock.policy?.id ?? lock.eventId }),
    status: statusOf[error.code],
    details: {
      attempted: {
        action: actionOf({ ...visit, row: { ...row, refusal: type } }),
        ...(project !== undefined && { project: safeText(project) }),
        ...(reference !== undefined && { reference: safeText(reference) }),
      },
      ...(refusal?.roleHeld !== undefined && { roleHeld: refusal.roleHeld }),
      ...(refusal?.roleNeeded !== undefined && { roleNeeded: refusal.roleNeeded }),
      ...(type === 'api.action.refuse' && subject !== undefined && { subject: safeText(subject) }),
      ...(lock !== undefined && hasLock.has(type) && { lock }),
      message: safeText(error.message),
    },
  } as RefusalDraft;
}

/** A refused sign-in is identity's to tell, and a reason that a type does not know is told as a management refusal. */
function typeFor(type: RefusalType, reason: Reason): RefusalType {
  const fits = type !== 'account.sign_in.refuse' && declarationOf(type).reasons.includes(reason);
  return fits ? type : 'api.action.refuse';
}
