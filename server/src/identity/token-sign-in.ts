/** Judges tokens, robots, sessions and registry tokens: everything that is looked up by its hash or carries a signature. */
import type { CredentialKind, Scope } from '@tallyman/contract';
import { parseRobotName } from '../domain/names.ts';
import type { Accounts } from './accounts.ts';
import { claimOf, type Identified, namespaceScope, nobody, type Verdict } from './attribution.ts';
import { findHolder, robotHolder, whyDead } from './holders.ts';
import type { RegistryClaims } from './registry-tokens.ts';
import { claimedKindOf, tokenKindOf } from './secrets.ts';

type Judge = { accounts: Accounts; nowUs: number };

/** The stored credential of a secret, with its holder, dead or alive; undefined when there is none. */
export async function findBySecret(accounts: Accounts, secret: string): Promise<Identified | undefined> {
  if (tokenKindOf(secret) === undefined) return undefined;
  const proof = await accounts.findCredentialBySecret(secret);
  const holder = proof && (await findHolder(accounts, proof));
  return holder && { holder, proof };
}

/** A token presented without the name of anybody: as a bearer, or with one of the documented user names. */
export async function judgeToken(
  judge: Judge,
  token: { text: string; fallback: CredentialKind },
): Promise<Verdict> {
  const found = await findBySecret(judge.accounts, token.text);
  // A cookie's secret is no token: stolen from a browser it must not work anywhere else.
  if (!found || (found.proof !== 'password' && found.proof.kind === 'session')) {
    const claimed = claimedKindOf(token.text);
    const kind = claimed === undefined || claimed === 'session' ? token.fallback : claimed;
    return { refused: { reason: 'unknown_token', claim: nobody('anonymous', kind) } };
  }
  return judgeFound(judge, found);
}

export function judgeFound(judge: Judge, found: Identified): Verdict {
  const reason = whyDead(found, judge.nowUs);
  return reason === undefined ? { identified: found } : { refused: { reason, claim: claimOf(found) } };
}

/** A token as the password of the user whose it is. Somebody else's is unknown, and stays unnamed. */
export async function judgeOwnToken(
  judge: Judge,
  typed: { username: string; secret: string },
): Promise<Verdict> {
  const user = await judge.accounts.findUserByLogin(typed.username);
  const found = await findBySecret(judge.accounts, typed.secret);
  const isToken = found !== undefined && found.proof !== 'password' && found.proof.kind !== 'session';
  if (isToken && found.holder.kind === 'user' && found.holder.user.id === user?.id)
    return judgeFound(judge, found);
  const kind = claimedKindOf(typed.secret);
  const credential: CredentialKind = kind === undefined || kind === 'session' ? 'access_token' : kind;
  if (!user) return { refused: { reason: 'unknown_user', claim: nobody('user', credential) } };
  const { actor, scope } = claimOf({ holder: { kind: 'user', user }, proof: 'password' });
  return { refused: { reason: 'unknown_token', claim: { actor, scope, credential: { kind: credential } } } };
}

/** `owner+name` with its token. */
export async function judgeRobot(
  judge: Judge,
  typed: { username: string; secret: string },
): Promise<Verdict> {
  const { accounts } = judge;
  const name = parseRobotName(typed.username);
  const owner = name && (await accounts.findNamespace(name.owner));
  const robot = owner && (await accounts.findRobotByName(owner.id, name.short));
  const found = await findBySecret(accounts, typed.secret);
  const token = found?.holder.kind === 'robot' ? found : undefined;
  if (!robot) {
    // A deleted or renamed robot is still named by its token.
    if (token) return { refused: { reason: 'unknown_robot', claim: claimOf(token) } };
    const scope: Scope = owner ? namespaceScope(owner) : {};
    return { refused: { reason: 'unknown_robot', claim: nobody('robot', 'robot_token', scope) } };
  }
  if (token?.holder.kind === 'robot' && token.holder.robot.id === robot.id) return judgeFound(judge, token);
  const holder = await robotHolder(accounts, robot);
  const { actor, onBehalfOf, scope } = claimOf({
    holder: holder as NonNullable<typeof holder>,
    proof: 'password',
  });
  const claim = {
    actor,
    ...(onBehalfOf && { onBehalfOf }),
    scope,
    credential: { kind: 'robot_token' as const },
  };
  return { refused: { reason: 'wrong_token', claim } };
}

/** A registry token whose signature is right. `stale`: it ended so lately that it is no refusal. */
export async function judgeRegistryToken(
  judge: Judge,
  claims: RegistryClaims,
  graceMs: number,
): Promise<Verdict | 'anonymous' | 'stale'> {
  const lateMs = judge.nowUs / 1000 - claims.exp * 1000;
  if (lateMs >= 0 && lateMs < graceMs) return 'stale';
  const isExpired = lateMs >= 0;
  if (claims.sub === undefined) {
    return isExpired
      ? { refused: { reason: 'token_expired', claim: nobody('anonymous', 'none') } }
      : 'anonymous';
  }
  const found = await findByClaims(judge.accounts, claims);
  // The signature is ours, so this row was there; nothing deletes such rows.
  if (!found) return { refused: { reason: 'token_revoked', claim: nobody('anonymous', 'none') } };
  if (isExpired) return { refused: { reason: 'token_expired', claim: claimOf(found) } };
  const isOldPassword =
    found.proof === 'password' &&
    found.holder.kind === 'user' &&
    found.holder.user.passwordChangedAtUs !== claims.pwd;
  if (isOldPassword) return { refused: { reason: 'token_revoked', claim: claimOf(found) } };
  return judgeFound(judge, found);
}

async function findByClaims(accounts: Accounts, claims: RegistryClaims): Promise<Identified | undefined> {
  if (claims.cid !== undefined) {
    const proof = await accounts.findCredential(claims.cid);
    const holder = proof && (await findHolder(accounts, proof));
    return holder && { holder, proof };
  }
  const user = await accounts.findUser((claims.sub as string).slice('user:'.length));
  return user && { holder: { kind: 'user', user }, proof: 'password' };
}

/** A console cookie. `stale`: a session of ours whose time has run out, which is no refusal. */
export async function judgeSession(judge: Judge, secret: string, idleMs: number): Promise<Verdict | 'stale'> {
  const found = await findBySecret(judge.accounts, secret);
  if (!found || found.proof === 'password' || found.proof.kind !== 'session') {
    return { refused: { reason: 'unknown_token', claim: nobody('anonymous', 'session') } };
  }
  const usedAtUs = found.proof.lastUsedAtUs ?? found.proof.createdAtUs;
  const isIdle = usedAtUs + idleMs * 1000 <= judge.nowUs;
  const verdict = judgeFound(judge, found);
  const ranOut = 'refused' in verdict ? verdict.refused.reason === 'token_expired' : isIdle;
  return ranOut ? 'stale' : verdict;
}
