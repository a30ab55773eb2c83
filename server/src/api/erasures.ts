/** Erasures: asked for, previewed, confirmed, watched. */
import type { ApiInput, Erasure as ErasureView } from '@tallyman/contract';
import type { Db } from '../db/store.ts';
import { invalid } from '../domain/error.ts';
import {
  cancelErasure,
  confirmErasure,
  type ErasureParts,
  requestErasure,
  type Subject,
} from '../jobs/erasures.ts';
import { selectJob } from '../jobs/rows.ts';
import { formatUs } from '../stdx/clock.ts';
import { cutPage } from '../stdx/pages.ts';
import { type Erasure, getErasure, selectErasures } from '../trail/forget/erasure-rows.ts';
import { hexOf } from '../trail/forget/traces.ts';
import type { ApiHandlers } from './call.ts';
import { nextOf, pageOf } from './pages.ts';

type ErasureIds =
  | 'erasures.list'
  | 'erasures.create'
  | 'erasures.get'
  | 'erasures.confirm'
  | 'erasures.cancel';

export function erasureHandlers({ erasures }: { erasures: ErasureParts }): ApiHandlers<ErasureIds> {
  const { db } = erasures;
  const view = async (id: string): Promise<ErasureView> => viewErasure(db, await getErasure(db.read, id));
  return {
    'erasures.list': async ({ query }) => {
      const { after, limit } = pageOf(query);
      const page = { limit: limit + 1, ...(after !== undefined && { before: after }) };
      const { shown, next } = cutPage(await selectErasures(db.read, page), limit, (row) => row.id);
      return { items: await Promise.all(shown.map((row) => viewErasure(db, row))), next: nextOf(next) };
    },
    'erasures.create': async ({ caller, body }) =>
      view((await requestErasure(erasures, caller, subjectOf(body))).id),
    'erasures.get': async ({ params }) => view(params.erasure),
    'erasures.confirm': async ({ caller, params }) => {
      await confirmErasure(erasures, caller, params.erasure);
      return view(params.erasure);
    },
    'erasures.cancel': async ({ caller, params }) => cancelErasure(erasures, caller, params.erasure),
  };
}

function subjectOf(body: ApiInput<'erasures.create'>['body']): Subject {
  if (body.kind !== 'address') return body;
  const hex = hexOf(body.address);
  if (hex === undefined) throw invalid('address', '"address" must be an IPv4 or IPv6 address.');
  return { kind: 'address', hex };
}

/** Said before anybody decides, whatever the deployment; docs/operating/retention-and-erasure.md says more. */
const unreachable = [
  'Backups and copies of the database made before, and those of the search index.',
  'The write-ahead log of PostgreSQL, archived or not yet overwritten.',
  'Events that were exported, disclosed in a bundle, or sent to a destination before.',
  'What others wrote and is shown now: descriptions, names of their projects and tags, and content such as images.',
  'Log files of proxies and of the operating system in front of this server.',
];

async function viewErasure(db: Db, erasure: Erasure): Promise<ErasureView> {
  const job = erasure.jobId === undefined ? undefined : await selectJob(db.read, erasure.jobId);
  const { at = 0, of = 0 } = JSON.parse(job?.progress ?? '{}') as { at?: number; of?: number };
  const unfinished = erasure.state === 'previewing' || erasure.state === 'erasing';
  const failed = unfinished && job?.state === 'failed';
  const { events, entries, byType, holds } = erasure.found;
  const known = erasure.state !== 'previewing' && erasure.state !== 'cancelled';
  const types = Object.entries(byType).map(([type, counts]) => ({ type, ...counts }));
  return {
    id: erasure.id,
    kind: erasure.kind,
    userId: erasure.userId ?? null,
    state: failed ? 'failed' : erasure.state,
    looked: { events: at, of },
    found: known
      ? { events, entries, byType: types.toSorted((left, right) => right.events - left.events) }
      : null,
    holds: holds.map((id) => ({ id, name: id })),
    removed: erasure.removed,
    unreachable,
    error: (unfinished && job?.error) || null,
    requestedAt: formatUs(erasure.requestedAtUs),
    changedAt: formatUs(erasure.changedAtUs),
  };
}
