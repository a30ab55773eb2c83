/**
 * Finds whose a stored credential is, and whether it may still be used. Dead credentials find their holder too, so that
 * a refusal still names whom it concerns.
 */
import type { Reason } from '@tallyman/contract';
import type { Accounts } from './accounts.ts';
import type { Holder, Identified } from './attribution.ts';
import type { CredentialState, RobotState } from './states.ts';

/** Undefined only when the database lost the principal's row. */
export async function findHolder(accounts: Accounts, proof: CredentialState): Promise<Holder | undefined> {
  if (proof.kind === 'robot_token') {
    const robot = await accounts.findRobot(proof.principalId);
    return robot && robotHolder(accounts, robot);
  }
  const user = await accounts.findUser(proof.principalId);
  if (!user) return undefined;
  if (proof.applicationId === undefined) return { kind: 'user', user };
  const application = await accounts.findApplication(proof.applicationId);
  const organisation = application && (await accounts.findNamespaceById(application.organisationId));
  return { kind: 'user', user, ...(application && { application }), ...(organisation && { organisation }) };
}

export async function robotHolder(accounts: Accounts, robot: RobotState): Promise<Holder | undefined> {
  const owner = await accounts.findNamespaceById(robot.namespaceId);
  if (!owner) return undefined;
  const ownerUser = owner.kind === 'user' ? await accounts.findUser(owner.id) : undefined;
  return { kind: 'robot', robot, owner, ...(ownerUser && { ownerUser }) };
}

/** Why a genuine credential may not be used now; undefined when it may. What cannot come back is named first. */
export function whyDead({ holder, proof }: Identified, nowUs: number): Reason | undefined {
  if (holder.kind === 'robot') {
    if (holder.robot.deleted || holder.owner.deleted) return 'unknown_robot';
    if (proof !== 'password' && proof.revoked) return 'wrong_token';
    if (holder.ownerUser?.disabled) return 'owner_disabled';
    if (holder.robot.disabled) return 'robot_disabled';
    return isExpired(proof, nowUs) ? 'token_expired' : undefined;
  }
  const ended = holder.application?.deleted || holder.organisation?.deleted;
  if (ended || (proof !== 'password' && proof.revoked)) return 'token_revoked';
  if (isExpired(proof, nowUs)) return 'token_expired';
  return holder.user.disabled ? 'account_disabled' : undefined;
}

function isExpired(proof: Identified['proof'], nowUs: number): boolean {
  return proof !== 'password' && proof.expiresAtUs !== undefined && proof.expiresAtUs <= nowUs;
}
