/** Personal access tokens and app-specific tokens: made by a user, limited by scopes and an end, revoked at once. */
import { type TokenScope, tokenScopeNames } from '@tallyman/contract';
import type { Tx } from '../db/store.ts';
import { AppError, invalid } from '../domain/error.ts';
import { formatUs } from '../stdx/clock.ts';
import type { Secret } from '../stdx/secret.ts';
import type { Performer } from '../trail/draft.ts';
import { namespaceScope } from './attribution.ts';
import {
  endCredential,
  findTokenIn,
  insertCredential,
  listCredentials,
  requireFuture,
  requireLabel,
  type Token,
  type TokenPage,
  unknownToken,
} from './credentials.ts';
import type { AccountParts } from './parts.ts';

/** Live tokens of one kind a user may have; dead ones do not count. */
export const mostTokensPerUser = 500;

export type TokenCreation = {
  by: Performer;
  userId: string;
  kind: 'access_token' | 'app_token';
  name: string;
  scopes: readonly TokenScope[];
  expiresAtUs?: number;
};

/** The secret is shown once. */
export async function createToken(
  parts: AccountParts,
  creation: TokenCreation,
): Promise<{ token: Token; secret: Secret }> {
  const name = requireLabel('name', creation.name);
  const scopes = requireScopes(creation.scopes);
  const { by, userId, kind } = creation;
  return parts.db.transact(async (tx) => {
    await tx.lock(`account ${userId}`);
    const user = await requireUser(tx, userId);
    await requireRoom(tx, userId, kind);
    const expiresAtUs = requireFuture(creation.expiresAtUs, parts.clock.nowUs());
    const expiry = expiresAtUs === undefined ? {} : { expiresAtUs };
    const made = await insertCredential(parts, tx, { kind, principalId: userId, name, scopes, ...expiry });
    parts.trail.record(tx, {
      type: kind === 'access_token' ? 'token.access.create' : 'token.app.create',
      by,
      scope: namespaceScope({ kind: 'user', ...user }),
      target: { kind, id: made.token.id, name },
      details: {
        scopes: [...scopes],
        ...(expiresAtUs !== undefined && { expiresAt: formatUs(expiresAtUs) }),
      },
    });
    return made;
  });
}

/** Throws not_found for a token of somebody else, or one that is revoked already. */
export async function revokeToken(
  parts: AccountParts,
  change: { by: Performer; userId: string; tokenId: string },
): Promise<void> {
  const { by, userId, tokenId } = change;
  await parts.db.transact(async (tx) => {
    await tx.lock(`account ${userId}`);
    const user = await requireUser(tx, userId);
    const token = await findTokenOf(tx, { userId, tokenId, nowUs: parts.clock.nowUs() });
    if (!token || (token.kind !== 'access_token' && token.kind !== 'app_token')) throw unknownToken();
    if (!(await endCredential(parts, tx, { id: tokenId, kind: token.kind }))) throw unknownToken();
    parts.trail.record(tx, {
      type: token.kind === 'access_token' ? 'token.access.revoke' : 'token.app.revoke',
      by,
      scope: namespaceScope({ kind: 'user', ...user }),
      target: { kind: token.kind, id: tokenId, name: token.name },
      details: {},
    });
  });
}

/** Newest first, expired and revoked ones included. */
export async function listTokens(
  parts: Pick<AccountParts, 'db' | 'clock'>,
  page: TokenPage & { userId: string; kind?: 'access_token' | 'app_token' | 'oauth_token' },
): Promise<{ tokens: Token[]; next?: string }> {
  const kinds = page.kind ? [page.kind] : (['access_token', 'app_token', 'oauth_token'] as const);
  return listCredentials(parts, { principalId: page.userId, kinds }, page);
}

/** A user's token by its id, dead ones too. */
export async function findTokenOf(
  db: Pick<Tx, 'q'>,
  key: { userId: string; tokenId: string; nowUs: number },
): Promise<Token | undefined> {
  const owner = await db.q
    .selectFrom('credential')
    .select('principal_id')
    .where('id', '=', key.tokenId)
    .executeTakeFirst();
  return owner?.principal_id === key.userId ? findTokenIn(db, key.tokenId, key.nowUs) : undefined;
}

/** At least one, known, each once, in the catalogue's order. */
export function requireScopes(scopes: readonly string[]): TokenScope[] {
  const unknown = scopes.find((scope) => !(tokenScopeNames as readonly string[]).includes(scope));
  if (unknown !== undefined)
    throw invalid(
      'scopes',
      `"${unknown.slice(0, 40)}" is not a scope. Known are: ${tokenScopeNames.join(', ')}.`,
    );
  if (scopes.length === 0)
    throw invalid('scopes', 'Choose at least one scope: a token without any may do nothing.');
  return tokenScopeNames.filter((scope) => scopes.includes(scope));
}

export async function requireUser(tx: Tx, userId: string): Promise<{ id: string; name: string }> {
  const row = await tx.q
    .selectFrom('namespace')
    .select(['id', 'name'])
    .where('id', '=', userId)
    .where('kind', '=', 'user')
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
  if (!row) throw new AppError('not_found', 'There is no such user.', { reason: 'unknown_user' });
  return row;
}

export async function requireRoom(tx: Tx, userId: string, kind: Token['kind']): Promise<void> {
  const row = await tx.q
    .selectFrom('credential')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('principal_id', '=', userId)
    .where('kind', '=', kind)
    .where('revoked_at', 'is', null)
    .executeTakeFirstOrThrow();
  if (Number(row.count) < mostTokensPerUser) return;
  throw new AppError('conflict', `You have ${mostTokensPerUser} tokens of this kind. Revoke some first.`, {
    reason: 'conflict',
  });
}
