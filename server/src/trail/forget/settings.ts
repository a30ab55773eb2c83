/**
 * How long events are kept, as settings: the server's per class, the bounds within which owners of namespaces may choose,
 * and what they chose. A bound that was narrowed since wins over the choice. Read by each retention run, so nothing is
 * remembered here.
 */
import {
  defaultRetentionDays,
  type NamespaceRetentionRule,
  type RetentionRule,
  type SettableRetention,
  settableRetention,
} from '@tallyman/contract';
import { putSetting } from '../../db/settings.ts';
import type { Db, ReadDb, Tx } from '../../db/store.ts';
import { AppError, invalid } from '../../domain/error.ts';
import { type Clock, formatUs } from '../../stdx/clock.ts';
import type { Performer } from '../draft.ts';
import type { Trail } from '../trail.ts';

export type ForgetParts = { db: Db; clock: Clock; trail: Pick<Trail, 'record'> };

/** null = for ever. */
export type Days = number | null;
export type Bounds = { shortestDays: number; longestDays: Days };

/** What a run goes by; plain data, for other threads. */
export type RetentionRules = {
  server: Record<SettableRetention, Days>;
  /** Only what differs from the server's. */
  namespaces: Record<string, Partial<Record<SettableRetention, Days>>>;
};

type Stored = { days: Days; namespaces: Bounds | null; changedAtUs: number | undefined };

const prefix = 'retention.';
/** Serialises what changes rules and holds with what drops and erases by them. */
export const forgetLock = 'forget';

export async function readRules(db: ReadDb): Promise<RetentionRules> {
  const rows = await db.q.selectFrom('setting').selectAll().where('key', 'like', `${prefix}%`).execute();
  const server = Object.fromEntries(
    settableRetention.map((name) => [name, storedOf(rows, name).days]),
  ) as RetentionRules['server'];
  const namespaces: RetentionRules['namespaces'] = {};
  for (const row of rows) {
    const name = settableRetention.find((known) => row.key === prefix + known);
    if (row.namespace_id === '' || name === undefined) continue;
    const days = within(storedOf(rows, name), (JSON.parse(row.value) as { days: Days }).days);
    if (days === server[name]) continue;
    namespaces[row.namespace_id] = { ...namespaces[row.namespace_id], [name]: days };
  }
  return { server, namespaces };
}

/** For how many days events of a class are kept in a namespace; undefined = the system scope. */
export function daysOf(rules: RetentionRules, name: SettableRetention, namespaceId?: string): Days {
  const own = namespaceId === undefined ? undefined : rules.namespaces[namespaceId]?.[name];
  return own === undefined ? rules.server[name] : own;
}

/** Every finite time that some event is kept for, the shortest first. */
export function finiteDays(rules: RetentionRules): number[] {
  const all = [rules.server, ...Object.values(rules.namespaces)].flatMap((of) => Object.values(of));
  return [...new Set(all.filter((days) => days !== null && days !== undefined))].sort((a, b) => a - b);
}

export async function listRetention(db: ReadDb): Promise<RetentionRule[]> {
  const rows = await selectRows(db, '');
  return settableRetention.map((name) => viewRule(name, storedOf(rows, name)));
}

export type RuleChange = { class: SettableRetention; days: Days; namespaces: Bounds | null };

export async function putRetention(
  { db, clock, trail }: ForgetParts,
  by: Performer,
  { class: name, days, namespaces }: RuleChange,
): Promise<RetentionRule> {
  return db.transact(async (tx) => {
    await tx.lock(forgetLock);
    const from = storedOf(await selectRows(tx, ''), name);
    if (isSame(from, { days, namespaces })) return viewRule(name, from);
    const nowUs = clock.nowUs();
    await putRow(tx, { namespaceId: '', name, value: { days, namespaces }, nowUs });
    trail.record(tx, {
      type: 'trail.retention.change',
      by,
      scope: {},
      target: { kind: 'retention', id: name },
      details: { class: name, keep: { from: told(from), to: told({ days, namespaces }) } },
    });
    return viewRule(name, { days, namespaces, changedAtUs: nowUs });
  });
}

export type NamespaceOf = { id: string; kind: 'user' | 'organisation'; name: string };

export async function listNamespaceRetention(
  db: ReadDb,
  { id }: { id: string },
): Promise<NamespaceRetentionRule[]> {
  const [server, own] = [await selectRows(db, ''), await selectRows(db, id)];
  return settableRetention.map((name) => viewNamespaceRule(name, storedOf(server, name), own));
}

/** `days` undefined = follow the server. Throws conflict where the administrator leaves nothing to choose. */
export async function putNamespaceRetention(
  { db, clock, trail }: ForgetParts,
  by: Performer,
  change: { class: SettableRetention; namespace: NamespaceOf; days: Days | undefined },
): Promise<NamespaceRetentionRule> {
  const { class: name, namespace, days } = change;
  return db.transact(async (tx) => {
    await tx.lock(forgetLock);
    const server = storedOf(await selectRows(tx, ''), name);
    if (days !== undefined) requireWithin(server, days);
    const before = chosenIn(await selectRows(tx, namespace.id), name);
    if (before?.days !== days) {
      const { id, kind, name: called } = namespace;
      if (days === undefined) await deleteRow(tx, id, name);
      else await putRow(tx, { namespaceId: id, name, value: { days }, nowUs: clock.nowUs() });
      trail.record(tx, {
        type: 'trail.retention.change',
        by,
        scope: { namespace: { id, kind, name: called } },
        target: { kind: 'retention', id: name },
        details: { class: name, keep: { from: toldChoice(before?.days), to: toldChoice(days) } },
      });
    }
    return viewNamespaceRule(name, server, await selectRows(tx, namespace.id));
  });
}

function requireWithin({ namespaces }: Stored, days: Days): void {
  if (namespaces === null) {
    const message =
      'The administrator lets no namespace choose how long these events are kept, so it cannot be set here.';
    throw new AppError('conflict', message, { reason: 'conflict', details: { field: 'days' } });
  }
  if (within({ namespaces, days: null }, days) === days) return;
  const { shortestDays, longestDays } = namespaces;
  const most = longestDays === null ? 'for ever' : `${longestDays} days`;
  throw invalid(
    'days',
    `"days" must lie within the administrator’s bounds: ${shortestDays} days to ${most}.`,
  );
}

/** The choice, moved to the nearest bound; the server's own where there is nothing to choose. */
function within({ namespaces, days }: Pick<Stored, 'namespaces' | 'days'>, chosen: Days): Days {
  if (namespaces === null) return days;
  const { shortestDays, longestDays } = namespaces;
  if (chosen === null) return longestDays;
  return Math.min(Math.max(chosen, shortestDays), longestDays ?? Number.POSITIVE_INFINITY);
}

type Row = { namespace_id: string; key: string; value: string; changed_at: number };

async function selectRows(db: ReadDb, namespaceId: string): Promise<Row[]> {
  const keys = settableRetention.map((name) => prefix + name);
  return db.q
    .selectFrom('setting')
    .selectAll()
    .where('namespace_id', '=', namespaceId)
    .where('key', 'in', keys)
    .execute();
}

/** The server's. */
function storedOf(rows: readonly Row[], name: SettableRetention): Stored {
  const row = rows.find((one) => one.namespace_id === '' && one.key === prefix + name);
  if (row === undefined)
    return { days: defaultRetentionDays[name], namespaces: null, changedAtUs: undefined };
  const { days, namespaces } = JSON.parse(row.value) as { days: Days; namespaces: Bounds | null };
  return { days, namespaces, changedAtUs: row.changed_at };
}

/** A namespace's. */
function chosenIn(
  rows: readonly Row[],
  name: SettableRetention,
): { days: Days; changedAtUs: number } | undefined {
  const row = rows.find((one) => one.key === prefix + name);
  return row && { days: (JSON.parse(row.value) as { days: Days }).days, changedAtUs: row.changed_at };
}

async function putRow(
  tx: Tx,
  row: { namespaceId: string; name: SettableRetention; value: object; nowUs: number },
): Promise<void> {
  const { namespaceId, name, value, nowUs } = row;
  await putSetting(tx, { namespaceId, key: prefix + name, value: JSON.stringify(value), nowUs });
}

async function deleteRow(tx: Tx, namespaceId: string, name: SettableRetention): Promise<void> {
  await tx.q
    .deleteFrom('setting')
    .where('namespace_id', '=', namespaceId)
    .where('key', '=', prefix + name)
    .execute();
}

function isSame(left: Omit<Stored, 'changedAtUs'>, right: Omit<Stored, 'changedAtUs'>): boolean {
  return JSON.stringify(told(left)) === JSON.stringify(told(right));
}

function viewRule(name: SettableRetention, { days, namespaces, changedAtUs }: Stored): RetentionRule {
  const changedAt = changedAtUs === undefined ? null : formatUs(changedAtUs);
  return { class: name, days, defaultDays: defaultRetentionDays[name], namespaces, changedAt };
}

function viewNamespaceRule(
  name: SettableRetention,
  server: Stored,
  own: readonly Row[],
): NamespaceRetentionRule {
  const chosen = chosenIn(own, name);
  return {
    class: name,
    days: chosen === undefined ? server.days : within(server, chosen.days),
    ...(chosen !== undefined && { chosenDays: chosen.days }),
    bounds: server.namespaces,
    changedAt: chosen === undefined ? null : formatUs(chosen.changedAtUs),
  };
}

function told({ days, namespaces }: Pick<Stored, 'days' | 'namespaces'>) {
  const bounds = namespaces && {
    shortestDays: namespaces.shortestDays,
    ...(namespaces.longestDays !== null && { longestDays: namespaces.longestDays }),
  };
  return { ...(days !== null && { days }), ...(bounds !== null && { namespaces: bounds }) };
}

function toldChoice(days: Days | undefined) {
  if (days === undefined) return { follows: 'server' as const };
  return days === null ? {} : { days };
}
