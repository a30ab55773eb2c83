/** What handlers ask of the account behind a caller. */

import type { Caller } from '../domain/caller.ts';
import { AppError, invalid } from '../domain/error.ts';
import type { SystemRole } from '../identity/users.ts';
import { formatUs, parseTimeUs } from '../stdx/clock.ts';

/** Of a person: the permission `person` has been checked. */
export function userIdOf(caller: Caller): string {
  const { id, kind } = caller.actor;
  if (kind === 'user' && id !== undefined) return id;
  throw new AppError('forbidden', 'Only a person may do this, not a robot.', { reason: 'not_permitted' });
}

export function rolesOf({ admin, auditor }: { admin: boolean; auditor: boolean }): SystemRole[] {
  return [...(admin ? (['admin'] as const) : []), ...(auditor ? (['auditor'] as const) : [])];
}

export function timeOrNull(us: number | undefined | null): string | null {
  return us === undefined || us === null ? null : formatUs(us);
}

/** The schema has looked at its form; a day that is none (31 February) is found here. */
export function parseTime(text: string | undefined, field: string): { expiresAtUs?: number } {
  if (text === undefined) return {};
  const us = parseTimeUs(text);
  if (us === undefined) throw invalid(field, `"${field}" must be a time such as 2026-11-22T04:24:43Z.`);
  return { expiresAtUs: us };
}
