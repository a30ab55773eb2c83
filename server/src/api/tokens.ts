/** Access tokens and app tokens of a user, and the form in which every token is shown. */
import type { Token } from '@tallyman/contract';
import { listCredentials, type Token as TokenState, unknownToken } from '../identity/credentials.ts';
import type { Identity } from '../identity/identity.ts';
import { createToken, findTokenOf, revokeToken } from '../identity/tokens.ts';
import { formatUs } from '../stdx/clock.ts';
import { parseTime, timeOrNull, userIdOf } from './accounts.ts';
import type { ApiHandlers } from './call.ts';
import { nextOf, pageOf } from './pages.ts';

export type TokenParts = { identity: Pick<Identity, 'parts'> };

const ownKinds = ['access_token', 'app_token'] as const;

export function tokenHandlers({
  identity,
}: TokenParts): ApiHandlers<`me.tokens.${'list' | 'create' | 'get' | 'revoke'}`> {
  const store = identity.parts;
  return {
    'me.tokens.list': async ({ caller, query }) => {
      const kinds = query.kind === undefined ? ownKinds : [query.kind];
      const { tokens, next } = await listCredentials(
        store,
        { principalId: userIdOf(caller), kinds },
        pageOf(query),
      );
      return { items: tokens.map(viewOwnToken), next: nextOf(next) };
    },
    'me.tokens.create': async ({ caller, body }) => {
      const { kind, name, scopes, expiresAt } = body;
      const creation = {
        by: caller,
        userId: userIdOf(caller),
        kind,
        name,
        scopes,
        ...parseTime(expiresAt, 'expiresAt'),
      };
      const { token, secret } = await createToken(store, creation);
      return { token: viewOwnToken(token), secret: secret.reveal() };
    },
    'me.tokens.get': async ({ caller, params }) => {
      const key = { userId: userIdOf(caller), tokenId: params.token, nowUs: store.clock.nowUs() };
      const token = await findTokenOf(store.db.read, key);
      if (token === undefined || !isOwnKind(token.kind)) throw unknownToken();
      return viewOwnToken(token);
    },
    'me.tokens.revoke': async ({ caller, params }) =>
      revokeToken(store, { by: caller, userId: userIdOf(caller), tokenId: params.token }),
  };
}

function isOwnKind(kind: TokenState['kind']): kind is Token['kind'] {
  return (ownKinds as readonly string[]).includes(kind);
}

function viewOwnToken(token: TokenState): Token {
  return { kind: token.kind as Token['kind'], ...viewToken(token) };
}

/** What all kinds have in common. */
export function viewToken(token: TokenState): Omit<Token, 'kind'> {
  return {
    id: token.id,
    name: token.name,
    hint: token.hint,
    scopes: token.scopes ?? null,
    state: token.state === 'live' ? 'active' : token.state,
    createdAt: formatUs(token.createdAtUs),
    expiresAt: timeOrNull(token.expiresAtUs),
    revokedAt: timeOrNull(token.revokedAtUs),
    lastUsedAt: timeOrNull(token.lastUsedAtUs),
    lastUsedSource: token.lastUsedSource ?? null,
  };
}
