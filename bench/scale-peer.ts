/**
 * Row scale on PostgreSQL: the newest 20 events by each filter that the reference registry has, beside its own table, indexes
 * and query over the same events in the same server. Ours is the whole answer, rights checked and events written out; the
 * reference's side is its query alone.
 */
import type { EventFilter } from '@tallyman/contract';
import pg from 'pg';
import { formatUs } from '../server/src/stdx/clock.ts';
import { gapUs, organisationOf, projectOf, rareType, timeOf, userOf, veryRareType } from './busy-registry.ts';
import { compare } from './pairs.ts';
import { openFilled } from './scale.ts';
import { scaleViews } from './scale-questions.ts';
import type { BenchRow } from './table.ts';

export type PeerOptions = { url: string; events: number; pairs: number; sideMs: number };

const limit = 20;
const peerTable = `CREATE TABLE logentry3 (id BIGINT PRIMARY KEY, kind_id INT NOT NULL, account_id INT NOT NULL, performer_id INT,
  repository_id INT, datetime TIMESTAMP NOT NULL, ip VARCHAR(255), metadata_json TEXT NOT NULL)`;
const peerIndexes = [
  'account_id, datetime',
  'performer_id, datetime',
  'repository_id, datetime, kind_id',
  'datetime',
  'id',
];

async function fillPeer(client: pg.Client): Promise<void> {
  const { rows } = await client.query(`SELECT to_regclass('logentry3') AS there`);
  if (rows[0].there !== null) return;
  await client.query(peerTable);
  await client.query(`INSERT INTO logentry3 SELECT idx, type, coalesce(namespace, 0), actor, project,
    to_timestamp(occurred_us / 1e6) AT TIME ZONE 'UTC', '10.0.0.1', substr(event.body, 1, 340)
    FROM search_event JOIN event USING (idx) ORDER BY idx`);
  for (const columns of peerIndexes) await client.query(`CREATE INDEX ON logentry3 (${columns})`);
  await client.query(
    'VACUUM ANALYZE logentry3, search_event, search_word, search_name, search_count, search_block',
  );
}

type Question = {
  name: string;
  view: keyof typeof scaleViews;
  filter: EventFilter;
  where: (word: Words) => string;
};
type Words = (text: string) => number;

function questions(events: number): Question[] {
  const end = timeOf(events - 1) + gapUs;
  const day = 86_400_000_000;
  const times = { from: formatUs(end - 2 * day), to: formatUs(end - day) };
  const sqlTime = (text: string) => `'${text.replace('Z', '')}'::timestamp`;
  const account = (word: Words) => `account_id = ${word(organisationOf(0).id)}`;
  const kind = (word: Words, ...types: string[]) => `kind_id IN (${types.map(word).join(', ')})`;
  const some = [
    'container.tag.create',
    'container.tag.move',
    'container.tag.delete',
    'container.manifest.push',
    'project.entry.create',
  ] as const;
  const user = userOf(0).id;
  const project = projectOf(0).project.id;
  return [
    { name: 'organisation', view: 'organisation', filter: {}, where: account },
    {
      name: 'organisation, 5 kinds',
      view: 'organisation',
      filter: { type: [...some] },
      where: (word) => `${account(word)} AND ${kind(word, ...some)}`,
    },
    {
      name: 'organisation, a kind of one in 1,000',
      view: 'organisation',
      filter: { type: [rareType()] },
      where: (word) => `${account(word)} AND ${kind(word, rareType())}`,
    },
    {
      name: 'organisation, a kind of one in 10,000',
      view: 'organisation',
      filter: { type: [veryRareType()] },
      where: (word) => `${account(word)} AND ${kind(word, veryRareType())}`,
    },
    {
      name: 'organisation, performer',
      view: 'organisation',
      filter: { actor: [user] },
      where: (word) => `${account(word)} AND performer_id = ${word(user)}`,
    },
    {
      name: 'organisation, one day',
      view: 'organisation',
      filter: times,
      where: (word) =>
        `${account(word)} AND datetime >= ${sqlTime(times.from)} AND datetime < ${sqlTime(times.to)}`,
    },
    { name: 'repository', view: 'project', filter: {}, where: (word) => `repository_id = ${word(project)}` },
    {
      name: 'repository, 5 kinds',
      view: 'project',
      filter: { type: [...some] },
      where: (word) => `repository_id = ${word(project)} AND ${kind(word, ...some)}`,
    },
    {
      name: 'repository, a kind of one in 10,000',
      view: 'project',
      filter: { type: [veryRareType()] },
      where: (word) => `repository_id = ${word(project)} AND ${kind(word, veryRareType())}`,
    },
    { name: 'everything', view: 'administration', filter: {}, where: () => 'true' },
    {
      name: 'everything, 5 kinds',
      view: 'administration',
      filter: { type: [...some] },
      where: (word) => kind(word, ...some),
    },
    {
      name: 'everything, a kind of one in 10,000',
      view: 'administration',
      filter: { type: [veryRareType()] },
      where: (word) => kind(word, veryRareType()),
    },
    {
      name: 'everything, performer',
      view: 'administration',
      filter: { actor: [user] },
      where: (word) => `performer_id = ${word(user)}`,
    },
  ];
}

export async function scalePeerRows({ url, events, pairs, sideMs }: PeerOptions): Promise<BenchRow[]> {
  await using ours = await openFilled({ engine: 'postgres', url }, events);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await fillPeer(client);
    const words = new Map<string, number>();
    for (const row of (await client.query('SELECT id, text FROM search_word')).rows)
      words.set(row.text, Number(row.id));
    const rows: BenchRow[] = [];
    for (const question of questions(events)) {
      const { view, reader } = scaleViews[question.view] as (typeof scaleViews)[string];
      const text = `SELECT id, kind_id, account_id, performer_id, repository_id, datetime, ip, metadata_json FROM logentry3
        WHERE ${question.where((one) => words.get(one) ?? -1)} ORDER BY datetime DESC LIMIT ${limit}`;
      const rate = (ask: () => Promise<unknown>) => async (): Promise<number> => {
        const from = performance.now();
        let asked = 0;
        for (; asked === 0 || performance.now() - from < sideMs; asked++) await ask();
        return asked / ((performance.now() - from) / 1000);
      };
      const comparison = await compare(
        rate(() => ours.search.search({ view, filter: question.filter, limit }, reader)),
        rate(() => client.query({ name: question.name, text })),
        { pairs },
      );
      rows.push({
        row: 'scale',
        what: `PostgreSQL, ${question.name}, ${events.toLocaleString('en-GB')} events, beside the reference's table and query`,
        unit: 'answers/s',
        comparison,
        bar: { ratio: 1, by: 'median' },
        note: `${(1000 / comparison.ours).toFixed(2)} ms beside ${(1000 / comparison.theirs).toFixed(2)} ms`,
      });
    }
    return rows;
  } finally {
    await client.end();
  }
}
