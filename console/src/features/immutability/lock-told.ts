/** What an event says of a lock and of a policy, whatever its type. Pure; what was erased or withheld is absent. */
import { lockedBy, policySnapshot, type ShownEvent } from '@tallyman/contract';
import type { z } from 'zod';

const policyShape = policySnapshot.partial({ pattern: true });
const lockShape = lockedBy.partial({ tag: true }).extend({ policy: policyShape.optional() });
export type PolicyTold = z.infer<typeof policyShape>;
export type LockTold = z.infer<typeof lockShape>;

/** Of a refusal because a tag is immutable. */
export function lockOf({ details }: Pick<ShownEvent, 'details'>): LockTold | undefined {
  return lockShape.safeParse(details.lock).data;
}

/** The policy that decided, or that the event is about, as it was then; after a change, as it became. */
export function policyOf({ type, details }: Pick<ShownEvent, 'type' | 'details'>): PolicyTold | undefined {
  const decided = policyShape.safeParse(
    details.policy ?? recordOf(details.lock).policy ?? recordOf(details.immutability).policy,
  );
  if (decided.success) return decided.data;
  if (!type.startsWith('policy.')) return undefined;
  const { policyId: id, scope, version, pattern, matches } = details;
  const word = latest(pattern);
  const told = { id, scope, version: latest(version), matches: latest(matches) };
  return policyShape.safeParse({ ...told, ...(typeof word === 'string' && { pattern: word }) }).data;
}

const latest = (value: unknown): unknown => recordOf(value).to ?? value;
const recordOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
