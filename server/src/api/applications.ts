/** OAuth applications of an organisation, and the tokens that users grant them. */
import type { Application, OauthToken } from '@tallyman/contract';
import type { Namespace } from '../access/model.ts';
import { AppError } from '../domain/error.ts';
import { accountsOf } from '../identity/accounts.ts';
import type { Token as TokenState } from '../identity/credentials.ts';
import type { Identity } from '../identity/identity.ts';
import {
  createOauthApplication,
  createOauthToken,
  deleteOauthApplication,
  getOauthApplication,
  listOauthApplications,
  listOauthTokens,
  type OauthApplication,
  revokeOauthToken,
  updateOauthApplication,
} from '../identity/oauth-applications.ts';
import type { IdentityStore } from '../identity/parts.ts';
import { listTokens } from '../identity/tokens.ts';
import { formatUs } from '../stdx/clock.ts';
import { parseTime, userIdOf } from './accounts.ts';
import type { ApiHandlers } from './call.ts';
import { nextOf, pageOf } from './pages.ts';
import { selectHolders } from './rows.ts';
import { viewToken } from './tokens.ts';

export type ApplicationParts = { identity: Pick<Identity, 'parts'> };

type ApplicationRoutes =
  | `applications.${'list' | 'create' | 'get' | 'update' | 'delete'}`
  | `applications.tokens.${'list' | 'create' | 'revoke'}`
  | `me.oauth_tokens.${'list' | 'revoke'}`;

export function applicationHandlers({ identity }: ApplicationParts): ApiHandlers<ApplicationRoutes> {
  const store = identity.parts;
  return {
    'applications.list': async ({ namespace, query }) => {
      const page = { organisationId: namespace.id, ...pageOf(query) };
      const { applications, next } = await listOauthApplications(store, page);
      return { items: applications.map(viewApplication), next: nextOf(next) };
    },
    'applications.create': async ({ caller, namespace, body }) => {
      const description = body.description ? { description: body.description } : {};
      const creation = { by: caller, organisationId: namespace.id, name: body.name, ...description };
      return viewApplication(await createOauthApplication(store, creation));
    },
    'applications.get': async ({ namespace, params }) =>
      viewApplication(await getIn(store, namespace, params.application)),
    'applications.update': async ({ caller, namespace, params, body }) => {
      const { id: applicationId } = await getIn(store, namespace, params.application);
      const change = {
        ...(body.name !== undefined && { name: body.name }),
        ...(body.description !== undefined && { description: body.description ?? '' }),
      };
      return viewApplication(await updateOauthApplication(store, { by: caller, applicationId, ...change }));
    },
    'applications.delete': async ({ caller, namespace, params }) => {
      const { id: applicationId } = await getIn(store, namespace, params.application);
      await deleteOauthApplication(store, { by: caller, applicationId });
    },
    'applications.tokens.list': async ({ namespace, params, query }) => {
      const { id: applicationId } = await getIn(store, namespace, params.application);
      const { tokens, next } = await listOauthTokens(store, { applicationId, ...pageOf(query) });
      return { items: await viewOauthTokens(store, tokens), next: nextOf(next) };
    },
    'applications.tokens.create': async ({ caller, namespace, params, body }) => {
      const { id: applicationId } = await getIn(store, namespace, params.application);
      const { name, scopes, expiresAt } = body;
      const grant = {
        by: caller,
        userId: userIdOf(caller),
        applicationId,
        name,
        scopes,
        ...parseTime(expiresAt, 'expiresAt'),
      };
      const { token, secret } = await createOauthToken(store, grant);
      const [shown] = await viewOauthTokens(store, [token]);
      return { token: shown as OauthToken, secret: secret.reveal() };
    },
    'applications.tokens.revoke': async ({ caller, namespace, params }) => {
      const { id: applicationId } = await getIn(store, namespace, params.application);
      await revokeOauthToken(store, { by: caller, tokenId: params.token, of: { applicationId } });
    },
    'me.oauth_tokens.list': async ({ caller, query }) => {
      const { tokens, next } = await listTokens(store, {
        userId: userIdOf(caller),
        kind: 'oauth_token',
        ...pageOf(query),
      });
      return { items: await viewOauthTokens(store, tokens), next: nextOf(next) };
    },
    'me.oauth_tokens.revoke': async ({ caller, params }) =>
      revokeOauthToken(store, { by: caller, tokenId: params.token, of: { userId: userIdOf(caller) } }),
  };
}

/** An application of another organisation is missing here. */
async function getIn(store: IdentityStore, organisation: Namespace, id: string): Promise<OauthApplication> {
  const application = await getOauthApplication(store, id);
  if (application.organisationId === organisation.id) return application;
  throw new AppError('not_found', 'There is no such application.', { reason: 'unknown_token' });
}

function viewApplication({ id, name, description, createdAtUs }: OauthApplication): Application {
  return { id, name, description: description ?? null, createdAt: formatUs(createdAtUs) };
}

async function viewOauthTokens(store: IdentityStore, tokens: readonly TokenState[]): Promise<OauthToken[]> {
  const holders = await selectHolders(
    store.db.read,
    tokens.map(({ id }) => id),
  );
  return Promise.all(
    tokens.map(async (token) => {
      const application = await accountsOf(store.db).findApplication(token.applicationId ?? '');
      const organisation =
        application && (await accountsOf(store.db).findNamespaceById(application.organisationId));
      return {
        ...viewToken(token),
        user: holders.get(token.id) ?? { id: '', name: '' },
        application: { id: application?.id ?? '', name: application?.name ?? '' },
        organisation: { id: organisation?.id ?? '', name: organisation?.name ?? '' },
      };
    }),
  );
}
