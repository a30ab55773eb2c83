/**
 * Row d: the first page of an organisation's view by a rare type, beside the unfiltered first page of the same view, and
 * row b's long run: durable events with the projection following, beside a bare loop that writes the same rows and the
 * projection's indexes.
 */
import { DatabaseSync } from 'node:sqlite';
import { searchTables } from '../server/src/db/migrations/0002-search.ts';
import { openDb } from '../server/src/db/open.ts';
import { systemClock } from '../server/src/stdx/clock.ts';
import type { EventDraft } from '../server/src/trail/draft.ts';
import type { Reader, View } from '../server/src/trail/reader.ts';
import { sealDraft } from '../server/src/trail/seal.ts';
import { Search } from '../server/src/trail/search.ts';
import { Trail } from '../server/src/trail/trail.ts';
import { createTempFolder } from '../tests/support/temp-folder.ts';
import { waitFor } from '../tests/support/wait-for.ts';
import { compare } from './pairs.ts';
import { sampleEvents } from './sample-events.ts';
import type { BenchRow } from './table.ts';

const clock = systemClock();
/** One event in so many of the busiest organisation is of the rare type. */
const rareEvery = 10_000;
const fillBatch = 2_000;
const pagesPerRun = 200;

export type SearchBenchOptions = { events: number; pairs: number };

export async function firstPageRows({ events, pairs }: SearchBenchOptions): Promise<BenchRow[]> {
  await using folder = await createTempFolder('bench-search');
  const location = { engine: 'sqlite', path: folder.join('tallyman.db') } as const;
  const db = await openDb(location);
  const trail = new Trail({ db, clock });
  const namespace = await fill(db, events);
  const search = await Search.open({ db, clock, trail, location });
  await waitFor('the projection to catch up', () => search.lag() === 0, { timeoutMs: 600_000 });
  const view: View = { kind: 'namespace', namespace };
  const reader = ownerOf(namespace.id);
  const latencies: number[] = [];
  const page = (type: string[] | undefined) => async () => {
    const from = performance.now();
    for (let at = 0; at < pagesPerRun; at++) {
      const one = performance.now();
      await search.search({ view, filter: type === undefined ? {} : { type } }, reader);
      if (type !== undefined) latencies.push(performance.now() - one);
    }
    return pagesPerRun / ((performance.now() - from) / 1000);
  };
  const comparison = await compare(page(['container.tag.expire']), page(undefined), { pairs });
  await search.close();
  await db.close();
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

async function fill(
  db: Awaited<ReturnType<typeof openDb>>,
  events: number,
): Promise<{ kind: 'organisation'; id: string; name: string }> {
  const samples = sampleEvents();
  const busiest = samples.namespaceOf(0);
  for (let at = 0; at < events; at += fillBatch) {
    const batch = Array.from({ length: Math.min(fillBatch, events - at) }, (_, offset) => {
      const draft = samples.next();
      return sealDraft((at + offset) % rareEvery === 0 ? rare(draft, busiest) : draft, clock);
    });
    await db.append(batch);
  }
  return busiest;
}

function rare(draft: EventDraft, namespace: { kind: 'organisation'; id: string; name: string }): EventDraft {
  const expiry: EventDraft<'container.tag.expire'> = {
    ...draft,
    type: 'container.tag.expire',
    scope: { ...draft.scope, namespace },
    details: { tag: 'v1', digest: draft.target?.id ?? '', to: '2027-01-01T00:00:00.000000Z' },
  };
  return expiry as unknown as EventDraft;
}

function ownerOf(namespaceId: string): Reader {
  return {
    by: {
      actor: { kind: 'user', id: 'owner', name: 'owner', proven: true },
      credential: { kind: 'session' },
      request: { id: 'bench', protocol: 'internal' },
    },
    role: 'person',
    principalId: 'owner',
    accountId: 'owner',
    owned: [namespaceId],
    memberOf: [],
    ownedProjects: { ids: [], ofNamespaces: [] },
    maintainedProjects: { ids: [], ofNamespaces: [] },
  };
}

export type SustainedOptions = { seconds: number; pairs: number; writers: number };

/** Ours: the trail and its projection, caught up at the end. Theirs: the same rows and indexes in one bare loop. */
export async function sustainedRow({ seconds, pairs, writers }: SustainedOptions): Promise<BenchRow[]> {
  await using folder = await createTempFolder('bench-sustained');
  let run = 0;
  let worstLagMs = 0;
  const ours = async () => {
    const location = { engine: 'sqlite', path: folder.join(`ours-${run++}`, 'tallyman.db') } as const;
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
  };
  const comparison = await compare(
    ours,
    () => bareWithIndexes(folder.join(`bare-${run++}.db`), writers, seconds),
    { pairs, warmUps: 0 },
  );
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
