/** Rows of the credential table: making one, ending many, listing. What each kind means is in tokens.ts, robots.ts, … */
import type { TokenScope } from '@tallyman/contract';
import type { Tx } from '../db/store.ts';
import { AppError, invalid } from '../domain/error.ts';
import { cutPage, pageSize } from '../stdx/pages.ts';
import { uuidv7 } from '../stdx/random.ts';
import type { Secret } from '../stdx/secret.ts';
import { accountsOf } from './accounts.ts';
import type { AccountParts } from './parts.ts';
import { createSecret, type TokenKind } from './secrets.ts';

/** As lists show it; dead ones too, so that an old log line can still be understood. */
export type Token = {
  id: string;
  kind: TokenKind;
  name: string;
  hint: string;
  /** Absent = unrestricted. */
  scopes?: TokenScope[];
  applicationId?: string;
  createdAtUs: number;
  expiresAtUs?: number;
  revokedAtUs?: number;
  lastUsedAtUs?: number;
  lastUsedSource?: string;
  state: 'live' | 'expired' | 'revoked';
};

export type NewCredential = {
  kind: TokenKind;
  principalId: string;
  name: string;
  scopes?: readonly TokenScope[];
  applicationId?: string;
  expiresAtUs?: number;
};

/** The secret is shown once and stored as its hash only. */
export async function insertCredential(
  parts: Pick<AccountParts, 'clock'>,
  tx: Tx,
  row: NewCredential,
): Promise<{ token: Token; secret: Secret }> {
  const nowUs = parts.clock.nowUs();
  const made = createSecret(row.kind);
  const id = uuidv7(nowUs);
  const { kind, principalId, name, scopes, applicationId, expiresAtUs } = row;
  await tx.q
    .insertInto('credential')
    .values({
      id,
      kind,
      principal_id: principalId,
      name,
      secret_hash: made.hash,
      hint: made.hint,
      scopes: scopes ? JSON.stringify(scopes) : null,
      application_id: applicationId ?? null,
      created_at: nowUs,
      expires_at: expiresAtUs ?? null,
      revoked_at: null,
      last_used_at: null,
      last_used_source: null,
    })
    .execute();
  return { token: (await findTokenIn(tx, id, nowUs)) as Token, secret: made.secret };
}

/** Revokes every live token (not session) of a principal or an application; returns how many. */
export async function endCredentials(
  parts: AccountParts,
  tx: Tx,
  of: { principalId: string } | { applicationId: string },
): Promise<number> {
  let query = tx.q
    .updateTable('credential')
    .set({ revoked_at: parts.clock.nowUs() })
    .where('revoked_at', 'is', null);
  query = query.where('kind', '!=', 'session');
  query =
    'principalId' in of
      ? query.where('principal_id', '=', of.principalId)
      : query.where('application_id', '=', of.applicationId);
  return forgetEnded(parts, tx, await query.returning('id').execute());
}

/** Ends every live session of a user but one; returns how many. */
export async function endSessionsIn(
  parts: AccountParts,
  tx: Tx,
  userId: string,
  keepId?: string,
): Promise<number> {
  const nowUs = parts.clock.nowUs();
  const ended = await tx.q
    .updateTable('credential')
    .set({ revoked_at: nowUs })
    .where('principal_id', '=', userId)
    .where('kind', '=', 'session')
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', nowUs)
    .where('id', '!=', keepId ?? '')
    .returning('id')
    .execute();
  return forgetEnded(parts, tx, ended);
}

/** Revokes one live credential; false when there is none such. */
export async function endCredential(
  parts: AccountParts,
  tx: Tx,
  of: { id: string; kind: TokenKind },
): Promise<boolean> {
  const ended = await tx.q
    .updateTable('credential')
    .set({ revoked_at: parts.clock.nowUs() })
    .where('id', '=', of.id)
    .where('kind', '=', of.kind)
    .where('revoked_at', 'is', null)
    .returning('id')
    .execute();
  return forgetEnded(parts, tx, ended) > 0;
}

function forgetEnded(parts: AccountParts, tx: Tx, ended: readonly { id: string }[]): number {
  const ids = ended.map((row) => row.id);
  tx.afterCommit(() => accountsOf(parts.db).forgetCredentials(ids));
  return ids.length;
}

export type TokenPage = { after?: string; limit?: number };

/** Newest first, dead ones included. */
export async function listCredentials(
  parts: Pick<AccountParts, 'db' | 'clock'>,
  of: { principalId?: string; applicationId?: string; kinds: readonly TokenKind[] },
  page: TokenPage,
): Promise<{ tokens: Token[]; next?: string }> {
  const limit = pageSize(page.limit);
  let query = parts.db.read.q
    .selectFrom('credential')
    .selectAll()
    .where('kind', 'in', [...of.kinds]);
  if (of.principalId !== undefined) query = query.where('principal_id', '=', of.principalId);
  if (of.applicationId !== undefined) query = query.where('application_id', '=', of.applicationId);
  if (page.after !== undefined) query = query.where('id', '<', page.after);
  const rows = await query
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute();
  const nowUs = parts.clock.nowUs();
  const { shown, ...more } = cutPage(rows, limit, (row) => row.id);
  return { tokens: shown.map((row) => fromRow(row, nowUs)), ...more };
}

export async function findTokenIn(db: Pick<Tx, 'q'>, id: string, nowUs: number): Promise<Token | undefined> {
  const row = await db.q.selectFrom('credential').selectAll().where('id', '=', id).executeTakeFirst();
  return row && fromRow(row, nowUs);
}

type Row = {
  id: string;
  kind: TokenKind;
  name: string;
  hint: string;
  scopes: string | null;
  application_id: string | null;
  created_at: number;
  expires_at: number | null;
  revoked_at: number | null;
  last_used_at: number | null;
  last_used_source: string | null;
};

function fromRow(row: Row, nowUs: number): Token {
  const isExpired = row.expires_at !== null && row.expires_at <= nowUs;
  return {
    id: row.id,
    kind: row.kind,
    name: row.name,
    hint: row.hint,
    ...(row.scopes !== null && { scopes: JSON.parse(row.scopes) as TokenScope[] }),
    ...(row.application_id !== null && { applicationId: row.application_id }),
    createdAtUs: row.created_at,
    ...(row.expires_at !== null && { expiresAtUs: row.expires_at }),
    ...(row.revoked_at !== null && { revokedAtUs: row.revoked_at }),
    ...(row.last_used_at !== null && { lastUsedAtUs: row.last_used_at }),
    ...(row.last_used_source !== null && { lastUsedSource: row.last_used_source }),
    state: row.revoked_at !== null ? 'revoked' : isExpired ? 'expired' : 'live',
  };
}

/** A name people read in lists and events. */
export function requireLabel(field: string, text: string, maxLength = 100): string {
  const trimmed = text.trim();
  if (trimmed === '' || trimmed.length > maxLength || /\p{C}/u.test(trimmed)) {
    throw invalid(field, `Use 1 to ${maxLength} printable characters.`);
  }
  return trimmed;
}

/** Free text of several lines, bounded; '' becomes undefined. */
export function requireText(field: string, text: string | undefined, maxLength = 2_000): string | undefined {
  if (text === undefined || text === '') return undefined;
  if (text.length > maxLength || !text.isWellFormed() || text.includes('\0')) {
    throw invalid(field, `Use up to ${maxLength} characters of plain text.`);
  }
  return text;
}

export function requireFuture(expiresAtUs: number | undefined, nowUs: number): number | undefined {
  if (expiresAtUs !== undefined && !(Number.isSafeInteger(expiresAtUs) && expiresAtUs > nowUs)) {
    throw invalid('expiresAt', 'The end lies in the past. Choose a later time, or none.');
  }
  return expiresAtUs;
}

export function unknownToken(): AppError {
  return new AppError('not_found', 'There is no such token, or it was revoked already.', {
    reason: 'unknown_token',
  });
}
