/** Metrics of work that outlives requests: jobs, retention, erasures. Read from their rows when they are asked for. */
import { Gauge, type Registry } from 'prom-client';
import { statement } from '../db/statement.ts';
import type { ReadDb } from '../db/store.ts';

const countJobs = statement<{ kind: string; state: string; count: number }>(
  `SELECT kind, state, count(*) AS count FROM job WHERE state IN ('waiting', 'running', 'failed') GROUP BY kind, state`,
);
const retention = statement<{ progress: string; updated_at: number }>(
  `SELECT progress, updated_at FROM job WHERE kind = 'retention' AND state IN ('waiting', 'running') LIMIT 1`,
);
const countErasures = statement<{ state: string; count: number }>(
  `SELECT state, count(*) AS count FROM erasure WHERE state IN ('previewing', 'previewed', 'erasing') GROUP BY state`,
);

export function addJobMetrics(registry: Registry, { db }: { db: { read: ReadDb } }): void {
  const add = (
    name: string,
    help: string,
    labelNames: string[],
    set: (gauge: Gauge) => Promise<void>,
  ): void => {
    new Gauge({
      name,
      help,
      labelNames,
      registers: [registry],
      async collect() {
        const clear = (): void => (labelNames.length > 0 ? this.reset() : this.remove());
        clear();
        // Nothing to tell while the database is away: the rest of the scrape must not fail with it.
        await set(this).catch(clear);
      },
    });
  };
  add('tallyman_jobs', 'Jobs by kind that wait, run, or were given up', ['kind', 'state'], async (gauge) => {
    for (const { kind, state, count } of await db.read.all(countJobs)) gauge.set({ kind, state }, count);
  });
  add('tallyman_erasures', 'Erasures under way, by state', ['state'], async (gauge) => {
    for (const { state, count } of await db.read.all(countErasures)) gauge.set({ state }, count);
  });
  addRetention(add, db);
}

type Add = (name: string, help: string, labelNames: string[], set: (gauge: Gauge) => Promise<void>) => void;
type Progress = Partial<Record<'dropped' | 'kept' | 'ended', number>>;

function addRetention(add: Add, db: { read: ReadDb }): void {
  const read = async (): Promise<{ progress: Progress; atUs: number } | undefined> => {
    const row = await db.read.get(retention);
    return row && { progress: JSON.parse(row.progress) as Progress, atUs: row.updated_at };
  };
  const number = (name: string, help: string, of: (progress: Progress, atUs: number) => number | undefined) =>
    add(name, help, [], async (gauge) => {
      const run = await read();
      const value = run && of(run.progress, run.atUs);
      if (value !== undefined) gauge.set(value);
    });
  number(
    'tallyman_retention_last_run_timestamp_seconds',
    'When the last whole run of retention ended; absent before the first, and while one is under way',
    ({ ended }, atUs) => (ended === 1 ? atUs / 1e6 : undefined),
  );
  number(
    'tallyman_retention_dropped_events',
    'Events that the last run of retention dropped, or the present one so far',
    ({ dropped }) => dropped,
  );
  number(
    'tallyman_retention_kept_events',
    'Events past their time that it kept: held, or explaining a present state',
    ({ kept }) => kept,
  );
}
