/**
 * The reference registry's own log on PostgreSQL: its table, its five indexes and some 340 bytes
 * of metadata a row, filled with the same events as ours, so that its query can be asked beside our answers.
 */
import { eventTypes } from '@tallyman/contract';
import pg from 'pg';
import { formatUs } from '../server/src/stdx/clock.ts';
import { busyRegistry, organisationOf, projectOf, registrySize, timeOf, userOf } from './busy-registry.ts';

const table = `CREATE TABLE logentry3 (id BIGINT PRIMARY KEY, kind_id INT NOT NULL, account_id INT NOT NULL, performer_id INT,
  repository_id INT, datetime TIMESTAMP NOT NULL, ip VARCHAR(255), metadata_json TEXT NOT NULL)`;
const indexes = [
  'account_id, datetime',
  'performer_id, datetime',
  'repository_id, datetime, kind_id',
  'datetime',
  'id',
];
export const peerColumns =
  'id, kind_id, account_id, performer_id, repository_id, datetime, ip, metadata_json';
const insert = `INSERT INTO logentry3 SELECT * FROM unnest($1::bigint[], $2::int[], $3::int[], $4::int[], $5::int[], $6::timestamp[], $7::text[], $8::text[])`;
const rowsPerInsert = 5_000;

const kinds = new Map<string, number>(eventTypes.map((type, at) => [type, at + 1]));

/** The reference's number of a type of ours. */
export function kindOf(type: string): number {
  return kinds.get(type) ?? 0;
}

/** Its numbers of accounts (organisations and users), performers and repositories. */
export const peerIds = {
  organisation: (at: number): number => at + 1,
  user: (at: number): number => registrySize.organisations + at + 1,
  project: (at: number): number => at + 1,
} as const;

function numbersOfIds(): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>();
  for (let at = 0; at < registrySize.organisations; at++)
    numbers.set(organisationOf(at).id, peerIds.organisation(at));
  for (let at = 0; at < registrySize.users; at++) numbers.set(userOf(at).id, peerIds.user(at));
  for (let at = 0; at < registrySize.projects; at++)
    numbers.set(projectOf(at).project.id, peerIds.project(at));
  return numbers;
}

type Body = {
  type: string;
  actor: { id?: string };
  scope: { namespace?: { id: string }; project?: { id: string } };
  request: { id: string; method?: string; route?: string; status?: number };
  target?: unknown;
  credential: { id?: string; kind: string };
  id: string;
};

/** Goes on where it was stopped. Indexes are made at the end. */
export async function fillPeer(
  url: string,
  events: number,
  tell: (done: number) => void = () => {},
): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('SET synchronous_commit = off');
    const { rows } = await client.query(`SELECT to_regclass('logentry3') AS there`);
    if (rows[0].there === null) await client.query(table);
    const found = await client.query('SELECT coalesce(max(id) + 1, 0) AS next FROM logentry3');
    await fillRows(client, { from: Number(found.rows[0].next), events }, tell);
    for (const columns of indexes) {
      const name = `logentry3_${columns.replaceAll(', ', '_')}`;
      await client.query(`CREATE INDEX IF NOT EXISTS ${name} ON logentry3 (${columns})`);
    }
    await client.query('VACUUM ANALYZE logentry3');
  } finally {
    await client.end();
  }
}

async function fillRows(
  client: pg.Client,
  { from, events }: { from: number; events: number },
  tell: (done: number) => void,
): Promise<void> {
  const registry = busyRegistry();
  const numbers = numbersOfIds();
  const numberOf = (id: string | undefined): number | null =>
    id === undefined ? null : (numbers.get(id) ?? null);
  for (let first = from; first < events; first += rowsPerInsert) {
    const columns: unknown[][] = Array.from({ length: 8 }, () => []);
    for (let index = first; index < Math.min(events, first + rowsPerInsert); index++) {
      const body = JSON.parse(registry.at(index).body) as Body;
      const { actor, scope, request, target, credential, id } = body;
      const values = [
        index,
        kindOf(body.type),
        numberOf(scope.namespace?.id) ?? 0,
        numberOf(actor.id),
        numberOf(scope.project?.id),
        formatUs(timeOf(index)).replace('Z', ''),
        '10.0.0.1',
        JSON.stringify({
          event: id,
          credential: { id: credential.id, kind: credential.kind },
          request: { id: request.id, method: request.method, route: request.route, status: request.status },
          target,
        }),
      ];
      values.forEach((value, at) => void (columns[at] as unknown[]).push(value));
    }
    await client.query({ name: 'fill', text: insert, values: columns });
    tell(Math.min(events, first + rowsPerInsert));
  }
}
