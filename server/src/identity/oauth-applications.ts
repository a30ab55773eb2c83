/**
 * OAuth applications of an organisation, and the tokens users generate for them: a third-party service acts in the name
 * of the user who granted it, and the organisation sees that it did.
 */
import type { Scope, Target, TokenScope } from '@tallyman/contract';
import type { Tx } from '../db/store.ts';
import { AppError } from '../domain/error.ts';
import { formatUs } from '../stdx/clock.ts';
import { cutPage, pageSize } from '../stdx/pages.ts';
import { uuidv7 } from '../stdx/random.ts';
import type { Secret } from '../stdx/secret.ts';
import type { Performer } from '../trail/draft.ts';
import { accountsOf } from './accounts.ts';
import { namespaceScope } from './attribution.ts';
import {
  endCredential,
  endCredentials,
  findTokenIn,
  insertCredential,
  listCredentials,
  requireFuture,
  requireLabel,
  requireText,
  type Token,
  type TokenPage,
  unknownToken,
} from './credentials.ts';
import type { AccountParts } from './parts.ts';
import { requireRoom, requireScopes, requireUser } from './tokens.ts';

export type OauthApplication = {
  id: string;
  organisationId: string;
  name: string;
  description?: string;
  createdAtUs: number;
};

export async function createOauthApplication(
  parts: AccountParts,
  creation: { by: Performer; organisationId: string; name: string; description?: string },
): Promise<OauthApplication> {
  const name = requireLabel('name', creation.name);
  const description = requireText('description', creation.description, 500);
  return parts.db.transact(async (tx) => {
    await tx.lock(`account ${creation.organisationId}`);
    const organisation = await requireOrganisation(tx, creation.organisationId);
    const nowUs = parts.clock.nowUs();
    const id = uuidv7(nowUs);
    const row = {
      id,
      organisation_id: organisation.id,
      name,
      description: description ?? null,
      created_at: nowUs,
    };
    await tx.q
      .insertInto('oauth_application')
      .values({ ...row, deleted_at: null })
      .execute();
    parts.trail.record(tx, {
      type: 'oauth.application.create',
      by: creation.by,
      ...placeOf(organisation, { id, name }),
      details: description === undefined ? {} : { description },
    });
    return fromRow(row);
  });
}

/** Living ones only. */
export async function getOauthApplication(
  parts: Pick<AccountParts, 'db'>,
  id: string,
): Promise<OauthApplication> {
  return (await findIn(parts.db.read, id)) ?? throwUnknown();
}

/** By id, which is by age. */
export async function listOauthApplications(
  parts: Pick<AccountParts, 'db'>,
  page: { organisationId: string; after?: string; limit?: number },
): Promise<{ applications: OauthApplication[]; next?: string }> {
  const limit = pageSize(page.limit);
  const rows = await parts.db.read.q
    .selectFrom('oauth_application')
    .selectAll()
    .where('organisation_id', '=', page.organisationId)
    .where('deleted_at', 'is', null)
    .where('id', '>', page.after ?? '')
    .orderBy('id')
    .limit(limit + 1)
    .execute();
  const { shown, ...more } = cutPage(rows, limit, (row) => row.id);
  return { applications: shown.map(fromRow), ...more };
}

export async function updateOauthApplication(
  parts: AccountParts,
  change: { by: Performer; applicationId: string; name?: string; description?: string },
): Promise<OauthApplication> {
  return changeApplication(parts, change.applicationId, async (tx, before, place) => {
    const name = change.name === undefined ? before.name : requireLabel('name', change.name);
    const from = before.description ?? '';
    const to =
      change.description === undefined ? from : (requireText('description', change.description, 500) ?? '');
    if (name === before.name && from === to) return;
    await tx.q
      .updateTable('oauth_application')
      .set({ name, description: to === '' ? null : to })
      .where('id', '=', before.id)
      .execute();
    parts.trail.record(tx, {
      type: 'oauth.application.update',
      by: change.by,
      ...place,
      details: {
        ...(name !== before.name && { name: { from: before.name, to: name } }),
        ...(from !== to && { description: { from, to } }),
      },
    });
  });
}

/** Its tokens stop at once. */
export async function deleteOauthApplication(
  parts: AccountParts,
  change: { by: Performer; applicationId: string },
): Promise<void> {
  await changeApplication(parts, change.applicationId, async (tx, application, place) => {
    const tokensRevoked = await deleteIn(parts, tx, application.id);
    parts.trail.record(tx, {
      type: 'oauth.application.delete',
      by: change.by,
      ...place,
      details: { tokensRevoked },
    });
  });
}

/** With their organisation. */
export async function deleteOauthApplicationsIn(
  parts: AccountParts,
  tx: Tx,
  organisationId: string,
): Promise<void> {
  const rows = await tx.q
    .selectFrom('oauth_application')
    .select('id')
    .where('organisation_id', '=', organisationId)
    .where('deleted_at', 'is', null)
    .execute();
  for (const { id } of rows) await deleteIn(parts, tx, id);
}

async function deleteIn(parts: AccountParts, tx: Tx, id: string): Promise<number> {
  await tx.q
    .updateTable('oauth_application')
    .set({ deleted_at: parts.clock.nowUs() })
    .where('id', '=', id)
    .execute();
  tx.afterCommit(() => accountsOf(parts.db).forgetApplication(id));
  return endCredentials(parts, tx, { applicationId: id });
}

export type OauthTokenCreation = {
  by: Performer;
  userId: string;
  applicationId: string;
  scopes: readonly TokenScope[];
  /** Default: the application's name. */
  name?: string;
  expiresAtUs?: number;
};

/** The user grants the application the scopes; the secret is shown once. */
export async function createOauthToken(
  parts: AccountParts,
  creation: OauthTokenCreation,
): Promise<{ token: Token; secret: Secret }> {
  const scopes = requireScopes(creation.scopes);
  const { by, userId, applicationId } = creation;
  return parts.db.transact(async (tx) => {
    await tx.lock(`account ${userId}`);
    await requireUser(tx, userId);
    await requireRoom(tx, userId, 'oauth_token');
    const application = (await findIn(tx, applicationId)) ?? throwUnknown();
    const organisation = await requireOrganisation(tx, application.organisationId);
    const name = creation.name === undefined ? application.name : requireLabel('name', creation.name);
    const expiresAtUs = requireFuture(creation.expiresAtUs, parts.clock.nowUs());
    const expiry = expiresAtUs === undefined ? {} : { expiresAtUs };
    const row = { kind: 'oauth_token' as const, principalId: userId, name, scopes, applicationId, ...expiry };
    const made = await insertCredential(parts, tx, row);
    parts.trail.record(tx, {
      type: 'oauth.token.create',
      by,
      scope: namespaceScope(organisation),
      target: { kind: 'oauth_token', id: made.token.id, name },
      details: {
        application: application.name,
        applicationId,
        scopes: [...scopes],
        ...(expiresAtUs !== undefined && { expiresAt: formatUs(expiresAtUs) }),
      },
    });
    return made;
  });
}

/** By the user who granted it, or an owner of the organisation: who may is the caller's to check, with `of`. */
export async function revokeOauthToken(
  parts: AccountParts,
  change: { by: Performer; tokenId: string; of: { userId: string } | { applicationId: string } },
): Promise<void> {
  const { by, tokenId, of } = change;
  await parts.db.transact(async (tx) => {
    const row = await tx.q
      .selectFrom('credential')
      .select(['principal_id', 'application_id'])
      .where('id', '=', tokenId)
      .executeTakeFirst();
    const isTheirs =
      'userId' in of ? row?.principal_id === of.userId : row?.application_id === of.applicationId;
    const token = await findTokenIn(tx, tokenId, parts.clock.nowUs());
    if (!isTheirs || !token || !row?.application_id) throw unknownToken();
    if (!(await endCredential(parts, tx, { id: tokenId, kind: 'oauth_token' }))) throw unknownToken();
    const application = (await findIn(tx, row.application_id)) ?? throwUnknown();
    const organisation = await requireOrganisation(tx, application.organisationId);
    parts.trail.record(tx, {
      type: 'oauth.token.revoke',
      by,
      scope: namespaceScope(organisation),
      target: { kind: 'oauth_token', id: tokenId, name: token.name },
      details: { application: application.name, applicationId: application.id },
    });
  });
}

/** Every user's tokens of one application, newest first, dead ones included. */
export async function listOauthTokens(
  parts: Pick<AccountParts, 'db' | 'clock'>,
  page: TokenPage & { applicationId: string },
): Promise<{ tokens: Token[]; next?: string }> {
  return listCredentials(parts, { applicationId: page.applicationId, kinds: ['oauth_token'] }, page);
}

type Place = { scope: Scope; target: Target };
type Organisation = { id: string; kind: 'organisation'; name: string };

async function changeApplication(
  parts: AccountParts,
  id: string,
  change: (tx: Tx, application: OauthApplication, place: Place) => Promise<void>,
): Promise<OauthApplication> {
  return parts.db.transact(async (tx) => {
    await tx.lock(`application ${id}`);
    const before = (await findIn(tx, id)) ?? throwUnknown();
    await change(tx, before, placeOf(await requireOrganisation(tx, before.organisationId), before));
    tx.afterCommit(() => accountsOf(parts.db).forgetApplication(id));
    return (await findIn(tx, id)) ?? before;
  });
}

async function requireOrganisation(tx: Tx, id: string): Promise<Organisation> {
  const row = await tx.q
    .selectFrom('namespace')
    .select(['id', 'name'])
    .where('id', '=', id)
    .where('kind', '=', 'organisation')
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
  if (!row)
    throw new AppError('not_found', 'There is no such organisation.', { reason: 'namespace_unknown' });
  return { id: row.id, kind: 'organisation', name: row.name };
}

async function findIn(db: Pick<Tx, 'q'>, id: string): Promise<OauthApplication | undefined> {
  const row = await db.q
    .selectFrom('oauth_application')
    .selectAll()
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
  return row && fromRow(row);
}

function fromRow(row: {
  id: string;
  organisation_id: string;
  name: string;
  description: string | null;
  created_at: number;
}): OauthApplication {
  return {
    id: row.id,
    organisationId: row.organisation_id,
    name: row.name,
    ...(row.description !== null && { description: row.description }),
    createdAtUs: row.created_at,
  };
}

function placeOf(organisation: Organisation, { id, name }: { id: string; name: string }): Place {
  return { scope: namespaceScope(organisation), target: { kind: 'oauth_application', id, name } };
}

function throwUnknown(): never {
  throw new AppError('not_found', 'There is no such application.', { reason: 'unknown_token' });
}
