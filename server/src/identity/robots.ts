/**
 * Robots: accounts of programs, owned by a user or an organisation and named `owner+name`. A robot has one live token
 * at a time and may do nothing until a role is granted to it. A deleted robot's rows stay, to name it when its token
 * is used again.
 */
import type { Scope, Target } from '@tallyman/contract';
import type { Tx } from '../db/store.ts';
import { AppError } from '../domain/error.ts';
import { isNamespaceName, parseNamespaceName } from '../domain/names.ts';
import { formatUs } from '../stdx/clock.ts';
import { cutPage, pageSize } from '../stdx/pages.ts';
import { uuidv7 } from '../stdx/random.ts';
import type { Secret } from '../stdx/secret.ts';
import type { Performer } from '../trail/draft.ts';
import { accountsOf } from './accounts.ts';
import { namespaceScope, robotName } from './attribution.ts';
import { endCredentials, insertCredential, requireFuture, requireText } from './credentials.ts';
import type { AccountParts } from './parts.ts';
import type { NamespaceState } from './states.ts';

export type Robot = {
  id: string;
  num: number;
  /** `owner+name`. */
  name: string;
  namespaceId: string;
  description?: string;
  isDisabled: boolean;
  createdAtUs: number;
  /** Of its live token, if it has one. */
  credentialId?: string;
  expiresAtUs?: number;
  lastUsedAtUs?: number;
  lastUsedSource?: string;
};

export type RobotCreation = {
  by: Performer;
  namespaceId: string;
  /** Without the owner. */
  name: string;
  description?: string;
  expiresAtUs?: number;
};

/** The secret is shown once. Throws conflict when the owner has a robot of this name. */
export async function createRobot(
  parts: AccountParts,
  creation: RobotCreation,
): Promise<{ robot: Robot; secret: Secret }> {
  const short = parseNamespaceName(creation.name);
  const description = requireText('description', creation.description, 500);
  return parts.db.transact(async (tx) => {
    await tx.lock(`account ${creation.namespaceId}`);
    const owner = await requireOwner(tx, creation.namespaceId);
    if (await findRowByName(tx, owner.id, short)) {
      const message = `The robot "${robotName(owner, { short })}" exists already. Choose another name, or rotate its token.`;
      throw new AppError('conflict', message, { reason: 'conflict', details: { field: 'name' } });
    }
    const nowUs = parts.clock.nowUs();
    const expiresAtUs = requireFuture(creation.expiresAtUs, nowUs);
    const id = uuidv7(nowUs);
    const row = {
      id,
      namespace_id: owner.id,
      name: short,
      description: description ?? null,
      created_at: nowUs,
    };
    await tx.q
      .insertInto('robot')
      .values({ ...row, disabled_at: null, deleted_at: null })
      .execute();
    const { secret } = await insertToken(parts, tx, { id, name: robotName(owner, { short }), expiresAtUs });
    parts.trail.record(tx, {
      type: 'robot.account.create',
      by: creation.by,
      ...placeOf(owner, { id, short }),
      details: {
        ...(description !== undefined && { description }),
        ...(expiresAtUs !== undefined && { expiresAt: formatUs(expiresAtUs) }),
      },
    });
    return { robot: (await findIn(tx, id)) as Robot, secret };
  });
}

/** Living robots only. */
export async function findRobot(parts: Pick<AccountParts, 'db'>, id: string): Promise<Robot | undefined> {
  return findIn(parts.db.read, id);
}

export async function getRobot(parts: Pick<AccountParts, 'db'>, id: string): Promise<Robot> {
  return (await findIn(parts.db.read, id)) ?? throwUnknown();
}

/** By the short name within its owner. */
export async function findRobotByName(
  parts: Pick<AccountParts, 'db'>,
  key: { namespaceId: string; name: string },
): Promise<Robot | undefined> {
  if (!isNamespaceName(key.name)) return undefined;
  const id = await findRowByName(parts.db.read, key.namespaceId, key.name);
  return id === undefined ? undefined : findIn(parts.db.read, id);
}

/** By short name, from the one after `after`. */
export async function listRobots(
  parts: Pick<AccountParts, 'db'>,
  page: { namespaceId: string; after?: string; limit?: number },
): Promise<{ robots: Robot[]; next?: string }> {
  const limit = pageSize(page.limit);
  const rows = await selectRobots(parts.db.read)
    .where('r.namespace_id', '=', page.namespaceId)
    .where('r.name', '>', page.after ?? '')
    .orderBy('r.name')
    .limit(limit + 1)
    .execute();
  const { shown, ...more } = cutPage(rows, limit, (row) => row.short);
  return { robots: shown.map(fromRow), ...more };
}

/** The former token stops at once. */
export async function rotateRobotToken(
  parts: AccountParts,
  change: { by: Performer; robotId: string; expiresAtUs?: number },
): Promise<{ robot: Robot; secret: Secret }> {
  let secret: Secret | undefined;
  const robot = await changeRobot(parts, change.robotId, async (tx, before, place) => {
    const expiresAtUs = requireFuture(change.expiresAtUs, parts.clock.nowUs());
    await endCredentials(parts, tx, { principalId: before.id });
    const made = await insertToken(parts, tx, { id: before.id, name: before.name, expiresAtUs });
    secret = made.secret;
    const expiry = expiresAtUs === undefined ? {} : { expiresAt: formatUs(expiresAtUs) };
    const details = { credential: { from: before.credentialId ?? '', to: made.token.id }, ...expiry };
    parts.trail.record(tx, { type: 'robot.token.rotate', by: change.by, ...place, details });
  });
  return { robot, secret: secret as Secret };
}

export async function enableRobot(
  parts: AccountParts,
  change: { by: Performer; robotId: string },
): Promise<Robot> {
  return switchRobot(parts, change, { type: 'robot.account.enable', disabledAtUs: null });
}

export async function disableRobot(
  parts: AccountParts,
  change: { by: Performer; robotId: string },
): Promise<Robot> {
  return switchRobot(parts, change, { type: 'robot.account.disable', disabledAtUs: parts.clock.nowUs() });
}

async function switchRobot(
  parts: AccountParts,
  change: { by: Performer; robotId: string },
  to: { type: 'robot.account.enable' | 'robot.account.disable'; disabledAtUs: number | null },
): Promise<Robot> {
  return changeRobot(parts, change.robotId, async (tx, robot, place) => {
    if (robot.isDisabled === (to.disabledAtUs !== null)) return;
    await tx.q
      .updateTable('robot')
      .set({ disabled_at: to.disabledAtUs })
      .where('id', '=', robot.id)
      .execute();
    parts.trail.record(tx, { type: to.type, by: change.by, ...place, details: {} });
  });
}

export type RobotDeletion = {
  by: Performer;
  robotId: string;
  /** Ends the roles granted to it, in the same unit; the event of the deletion is their cause. */
  endRights: (tx: Tx, cause: string) => Promise<void>;
};

export async function deleteRobot(parts: AccountParts, deletion: RobotDeletion): Promise<void> {
  await changeRobot(parts, deletion.robotId, async (tx, robot, place) => {
    await endCredentials(parts, tx, { principalId: robot.id });
    await tx.q
      .updateTable('robot')
      .set({ deleted_at: parts.clock.nowUs() })
      .where('id', '=', robot.id)
      .execute();
    const cause = parts.trail.record(tx, {
      type: 'robot.account.delete',
      by: deletion.by,
      ...place,
      details: {},
    });
    await deletion.endRights(tx, cause);
  });
}

/** With their owner; the owner's event counts them. Returns their ids. */
export async function deleteRobotsIn(parts: AccountParts, tx: Tx, namespaceId: string): Promise<string[]> {
  const deleted = await tx.q
    .updateTable('robot')
    .set({ deleted_at: parts.clock.nowUs() })
    .where('namespace_id', '=', namespaceId)
    .where('deleted_at', 'is', null)
    .returning('id')
    .execute();
  const ids = deleted.map((row) => row.id);
  for (const principalId of ids) await endCredentials(parts, tx, { principalId });
  tx.afterCommit(() => accountsOf(parts.db).forgetRobots(ids));
  return ids;
}

type Place = { scope: Scope; target: Target };

async function changeRobot(
  parts: AccountParts,
  robotId: string,
  change: (tx: Tx, robot: Robot, place: Place) => Promise<void>,
): Promise<Robot> {
  return parts.db.transact(async (tx) => {
    await tx.lock(`robot ${robotId}`);
    const robot = (await findIn(tx, robotId)) ?? throwUnknown();
    const owner = await requireOwner(tx, robot.namespaceId);
    await change(
      tx,
      robot,
      placeOf(owner, { id: robotId, short: robot.name.slice(robot.name.indexOf('+') + 1) }),
    );
    tx.afterCommit(() => accountsOf(parts.db).forgetRobots([robotId]));
    return (await findIn(tx, robotId)) ?? robot;
  });
}

async function insertToken(
  parts: AccountParts,
  tx: Tx,
  robot: { id: string; name: string; expiresAtUs: number | undefined },
) {
  const expiry = robot.expiresAtUs === undefined ? {} : { expiresAtUs: robot.expiresAtUs };
  return insertCredential(parts, tx, {
    kind: 'robot_token',
    principalId: robot.id,
    name: robot.name,
    ...expiry,
  });
}

type Owner = Pick<NamespaceState, 'id' | 'kind' | 'name'>;

async function requireOwner(tx: Tx, namespaceId: string): Promise<Owner> {
  const row = await tx.q
    .selectFrom('namespace')
    .select(['id', 'kind', 'name'])
    .where('id', '=', namespaceId)
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
  if (!row)
    throw new AppError('not_found', 'There is no such user or organisation.', {
      reason: 'namespace_unknown',
    });
  return row;
}

async function findRowByName(
  db: Pick<Tx, 'q'>,
  namespaceId: string,
  short: string,
): Promise<string | undefined> {
  const row = await db.q
    .selectFrom('robot')
    .select('id')
    .where('namespace_id', '=', namespaceId)
    .where('name', '=', short)
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
  return row?.id;
}

function selectRobots(db: Pick<Tx, 'q'>) {
  return db.q
    .selectFrom('robot as r')
    .innerJoin('namespace as n', 'n.id', 'r.namespace_id')
    .leftJoin('credential as c', (join) =>
      join
        .onRef('c.principal_id', '=', 'r.id')
        .on('c.kind', '=', 'robot_token')
        .on('c.revoked_at', 'is', null),
    )
    .where('r.deleted_at', 'is', null)
    .select([
      'r.id',
      'r.num',
      'r.name as short',
      'r.namespace_id',
      'r.description',
      'r.disabled_at',
      'r.created_at',
    ])
    .select([
      'n.name as owner',
      'c.id as credential_id',
      'c.expires_at',
      'c.last_used_at',
      'c.last_used_source',
    ]);
}

type RobotListRow = Awaited<ReturnType<ReturnType<typeof selectRobots>['execute']>>[number];

async function findIn(db: Pick<Tx, 'q'>, id: string): Promise<Robot | undefined> {
  const row = await selectRobots(db).where('r.id', '=', id).executeTakeFirst();
  return row && fromRow(row);
}

function fromRow(row: RobotListRow): Robot {
  return {
    id: row.id,
    num: row.num,
    name: robotName({ name: row.owner }, { short: row.short }),
    namespaceId: row.namespace_id,
    ...(row.description !== null && { description: row.description }),
    isDisabled: row.disabled_at !== null,
    createdAtUs: row.created_at,
    ...(row.credential_id !== null && { credentialId: row.credential_id }),
    ...(row.expires_at !== null && { expiresAtUs: row.expires_at }),
    ...(row.last_used_at !== null && { lastUsedAtUs: row.last_used_at }),
    ...(row.last_used_source !== null && { lastUsedSource: row.last_used_source }),
  };
}

function placeOf(owner: Owner, robot: { id: string; short: string }): Place {
  return {
    scope: namespaceScope(owner),
    target: { kind: 'robot', id: robot.id, name: robotName(owner, robot) },
  };
}

function throwUnknown(): never {
  throw new AppError('not_found', 'There is no such robot.', { reason: 'unknown_robot' });
}
