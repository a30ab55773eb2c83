/**
 * Names of namespaces and e-mail addresses: who may take one. A name that a rename or deletion left stays reserved until
 * an administrator frees it, because pull commands and links still point to it.
 */
import type { Tx } from '../db/store.ts';
import { AppError, invalid } from '../domain/error.ts';
import { isReserved, type NamespaceName, parseNamespaceName } from '../domain/names.ts';
import { parseEmail } from './accounts.ts';
import { reservedForms } from './erase-account.ts';

export type NameClaim = { name: string /** Who may take its own former name back. */; ownerId?: string };

/** Checks a name and holds it until the unit ends. Throws name_invalid, or conflict with name_reserved. */
export async function claimNamespaceName(
  tx: Tx,
  { name: typed, ownerId }: NameClaim,
): Promise<NamespaceName> {
  const name = parseNamespaceName(typed);
  if (isReserved(name)) throw taken(`The name "${name}" is used by the server itself. Choose another.`);
  await tx.lock(`namespace ${name}`);
  const living = await tx.q
    .selectFrom('namespace')
    .select('id')
    .where('name', '=', name)
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
  if (living) throw taken(`The name "${name}" is taken. Choose another.`);
  const former = await tx.q
    .selectFrom('reserved_name')
    .select('former_id')
    .where('format', '=', '')
    .where('name', 'in', await reservedForms(tx, name))
    .executeTakeFirst();
  if (!former) return name;
  if (former.former_id !== ownerId) {
    throw taken(
      `The name "${name}" belonged to somebody else before and is reserved. An administrator can free it.`,
    );
  }
  await tx.q.deleteFrom('reserved_name').where('format', '=', '').where('name', '=', name).execute();
  return name;
}

/** Keeps a name from being taken by somebody else. */
export async function reserveName(
  tx: Tx,
  kept: { format: string; name: string; formerId: string; nowUs: number },
): Promise<void> {
  const { format, name, formerId, nowUs } = kept;
  await tx.q
    .insertInto('reserved_name')
    .values({ format, name, former_id: formerId, reserved_at: nowUs })
    .onConflict((conflict) =>
      conflict.columns(['format', 'name']).doUpdateSet({ former_id: formerId, reserved_at: nowUs }),
    )
    .execute();
}

/** Checks an address and holds it until the unit ends; undefined stays undefined. */
export async function claimEmail(tx: Tx, typed: string | undefined): Promise<string | undefined> {
  if (typed === undefined) return undefined;
  const email = parseEmail(typed);
  if (email === undefined) throw invalid('email', 'That is not an e-mail address.');
  await tx.lock(`email ${email}`);
  const other = await tx.q
    .selectFrom('user_account')
    .select('id')
    .where('email', '=', email)
    .executeTakeFirst();
  if (other)
    throw new AppError('conflict', 'Another account uses this e-mail address.', {
      reason: 'conflict',
      details: { field: 'email' },
    });
  return email;
}

function taken(message: string): AppError {
  return new AppError('conflict', message, { reason: 'name_reserved', details: { field: 'name' } });
}
