/**
 * Row d: the first page of an organisation's view by a rare type, beside the unfiltered first page of the same view, and
 * row b's long run: durable events with the projection following, beside a bare loop that writes the same rows and the
 * projection's indexes.
 */
import { DatabaseSync } from 'node:sqlite';
import type { EventFilter } from '@tallyman/contract';
import { searchTables } from '../server/src/db/migrations/0002-search.ts';
import { openDb } from '../server/src/db/open.ts';
import { systemClock } from '../server/src/stdx/clock.ts';
import type { EventDraft } from '../server/src/trail/draft.ts';
import { sealDraft } from '../server/src/trail/seal.ts';
import { Search } from '../server/src/trail/search.ts';
import { Trail } from '../server/src/trail/trail.ts';
import { createTempFolder } from '../tests/support/temp-folder.ts';
import { waitFor } from '../tests/support/wait-for.ts';
import { rareType } from './busy-registry.ts';
import { compare, inFolder } from './pairs.ts';
import { sampleEvents } from './sample-events.ts';
import { openFilled } from './scale.ts';
import { scaleViews } from './scale-questions.ts';
import type { BenchRow } from './table.ts';

const clock = systemClock();
const pagesPerRun = 200;

export type SearchBenchOptions = { events: number; pairs: number };

/** One event in a thousand is of the rare type: among a million, the busiest organisation has more than a page of them. */
export async function firstPageRows({ events, pairs }: SearchBenchOptions): Promise<BenchRow[]> {
  await using folder = await createTempFolder('bench-search');
  await using filled = await openFilled({ engine: 'sqlite', path: folder.join('tallyman.db') }, events);
  const { view, reader } = scaleViews.organisation as (typeof scaleViews)[string];
  const latencies: number[] = [];
  const page = (filter: EventFilter) => async () => {
    const from = performance.now();
    for (let at = 0; at < pagesPerRun; at++) {
      const one = performance.now();
      await filled.search.search({ view, filter }, reader);
      if (filter.type !== undefined) latencies.push(performance.now() - one);
    }
    return pagesPerRun / ((performance.now() - from) / 1000);
  };
  const comparison = await compare(page({ type: [rareType()] }), page({}), { pairs });
  const millis = latencies.toSorted((a, b) => a - b)[latencies.length >> 1] ?? Number.NaN;
  return [
    {
      row: 'd',
      what: `first page by a rare type among ${events.toLocaleString('en-GB')} events, beside unfiltered`,
      unit: 'pages/s',
      comparison,
      bar: { ratio: 0.5, by: 'median' },
      note: `${millis.toFixed(2)} ms a page (bar: 5 ms)`,
    },
  ];
}

export type SustainedOptions = { seconds: number; pairs: number; writers: number };

/** Ours: the trail and its projection, caught up at the end. Theirs: the same rows and indexes in one bare loop. */
export async function sustainedRow({ seconds, pairs, writers }: SustainedOptions): Promise<BenchRow[]> {
  let worstLagMs = 0;
  const ours = inFolder(async (folder) => {
    const location = { engine: 'sqlite', path: folder.join('tallyman.db') } as const;
    const db = await openDb(location);
    const trail = new Trail({ db, clock });
    const search = await Search.open({ db, clock, trail, location });
    const samples = sampleEvents();
    const drafts = Array.from({ length: 1_000 }, () => samples.next());
    const from = performance.now();
    let done = 0;
    await Promise.all(
      Array.from({ length: writers }, async () => {
        while (performance.now() - from < seconds * 1000) {
          const draft = drafts[done++ % drafts.length] as EventDraft;
          await db.transact(async (tx) => void trail.record(tx, draft));
        }
      }),
    );
    const written = performance.now();
    await waitFor('the projection to catch up', () => search.lag() === 0, { timeoutMs: 600_000 });
    worstLagMs = Math.max(worstLagMs, performance.now() - written);
    await search.close();
    await db.close();
    return done / ((written - from) / 1000);
  });
  const bare = inFolder((folder) => bareWithIndexes(folder.join('bare.db'), writers, seconds));
  const comparison = await compare(ours, bare, { pairs, warmUps: 0 });
  const what = `${writers} units for ${seconds} s with the projection, beside a bare loop with its indexes`;
  const note = `final lag ${(worstLagMs / 1000).toFixed(2)} s (bar: 2 s)`;
  return [{ row: 'b', what, unit: 'events/s', comparison, bar: { ratio: 0.7, by: 'median' }, note }];
}

/** The same two log rows and one projection row with all its indexes, group commit, nothing else. */
async function bareWithIndexes(path: string, writers: number, seconds: number): Promise<number> {
  const db = new DatabaseSync(path);
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536');
  db.exec(
    'CREATE TABLE event (idx INTEGER PRIMARY KEY, body TEXT) STRICT; CREATE TABLE event_private (idx INTEGER PRIMARY KEY, fields TEXT) STRICT',
  );
  for (const sql of searchTables) {
    db.exec(
      sql
        .replaceAll('{text}', 'TEXT')
        .replaceAll('{int}', 'INTEGER')
        .replaceAll('{blob}', 'BLOB')
        .replaceAll('{serial}', 'INTEGER PRIMARY KEY')
        .replaceAll('{clustered}', ''),
    );
  }
  const body = db.prepare('INSERT INTO event VALUES (?, ?)');
  const fields = db.prepare('INSERT INTO event_private VALUES (?, ?)');
  const projected = db.prepare(
    `INSERT INTO search_event (idx, id, type, occurred_us, outcome, actor, actor_kind, actor_name, proven, credential, credential_kind,
       namespace, namespace_name, project, project_path, target, target_kind, ip, agent, request, text, restricted_text)
     VALUES (?, ?, ?, ?, 0, ?, 0, ?, 1, ?, 3, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?)`,
  );
  const samples = sampleEvents();
  const rows = Array.from({ length: 1_000 }, () => {
    const draft = samples.next();
    return { draft, sealed: sealDraft(draft, clock) };
  });
  let waiting: (() => void)[] = [];
  let index = 0;
  const flush = () => {
    const batch = waiting;
    waiting = [];
    db.exec('BEGIN');
    for (let at = 0; at < batch.length; at++) {
      const { draft, sealed } = rows[index % rows.length] as (typeof rows)[0];
      body.run(index, sealed.body);
      fields.run(index, sealed.private);
      const { actor, request } = draft.by;
      const { namespace, project } = draft.scope;
      const text = `${actor.name} ${namespace?.name} ${project?.path} ${draft.target?.id}`;
      const small = (value: string | undefined) => Number.parseInt((value ?? '0').slice(0, 6), 16);
      projected.run(
        index,
        Buffer.from(`${index}`.padStart(16, '0')),
        index % 60,
        clock.nowUs(),
        small(actor.id),
        actor.name ?? '',
        small(draft.by.credential.id),
        small(namespace?.id),
        namespace?.name ?? '',
        small(project?.id),
        project?.path ?? '',
        index % 97,
        Buffer.alloc(16),
        request.userAgent ?? '',
        request.id,
        text,
        request.ip ?? '',
      );
      index++;
    }
    db.exec('COMMIT');
    for (const resolve of batch) resolve();
  };
  const from = performance.now();
  await Promise.all(
    Array.from({ length: writers }, async () => {
      while (performance.now() - from < seconds * 1000) {
        await new Promise<void>((resolve) => {
          if (waiting.push(resolve) === 1) setImmediate(flush);
        });
      }
    }),
  );
  const rate = index / ((performance.now() - from) / 1000);
  db.close();
  return rate;
}
