/**
 * The questions a search source can answer, whole: in a worker thread on SQLite, on the pool on PostgreSQL. Questions
 * and answers are plain data.
 */
import {
  type EventFacets,
  type EventFilter,
  type EventHistogram,
  type EventPage,
  eventFilterSchema,
  type ShownEvent,
} from '@tallyman/contract';
import { AppError } from '../domain/error.ts';
import { remembered } from '../stdx/remember.ts';
import { rightsIn, rightsOver } from './audience.ts';
import { formatCursor, type Place, parseCursor } from './cursor.ts';
import { type Evidence, readEvidence } from './evidence.ts';
import { type ExportFormat, formatChunk } from './export-format.ts';
import { checkFilter, isMerged } from './filter.ts';
import { answerFacets, answerHistogram, type FacetsQuestion, type HistogramQuestion } from './histogram.ts';
import { factsOf, openStored, uuidBytes } from './projected-row.ts';
import type { Question, Work } from './question.ts';
import type { ReaderRights, View } from './reader.ts';
import { holds } from './rule.ts';
import type { SearchSource } from './search-source.ts';
import { selectIndexes } from './select.ts';
import { showEvent, showEvents } from './show.ts';
import { showTexts } from './shown-texts.ts';

export type PageQuestion = Question & { cursor?: string | undefined; limit: number };
/** Events from `low` on, below `high`, oldest first. */
export type StretchQuestion = Question & { low: number; high: number; limit: number };
export type Stretch = { events: ShownEvent[] /** Where to go on; equals `high` at the end. */; next: number };
export type ChunkQuestion = StretchQuestion & { format: ExportFormat };
export type Chunk = { text: string; next: number };
/** Indexes of what matches and is evidence for the reader, and how many events match and are not. */
export type Provable = { indexes: number[]; hidden: number; next: number };
export type EvidenceQuestion = { view: View; reader: ReaderRights; indexes: readonly number[] };

export type Answers = {
  /** An `EventPage` as JSON: a text crosses to another thread at a tenth of the cost of its objects. */
  page: (work: Work, question: PageQuestion) => Promise<string>;
  histogram: (work: Work, question: HistogramQuestion) => Promise<EventHistogram>;
  facets: (work: Work, question: FacetsQuestion) => Promise<EventFacets>;
  event: (
    work: Work,
    question: { id: string; view: View; reader: ReaderRights },
  ) => Promise<ShownEvent | undefined>;
  stretch: (work: Work, question: StretchQuestion) => Promise<Stretch>;
  chunk: (work: Work, question: ChunkQuestion) => Promise<Chunk>;
  provable: (work: Work, question: StretchQuestion) => Promise<Provable>;
  evidence: (work: Work, question: EvidenceQuestion) => Promise<Evidence[]>;
};

export const answers: Answers = {
  page: answerPage,
  histogram: answerHistogram,
  facets: answerFacets,
  event: findEvent,
  stretch: readStretch,
  chunk: readChunk,
  provable: findProvable,
  evidence: ({ source }, { view, reader, indexes }) => readEvidence(source, rightsIn(view, reader), indexes),
};

const filterKeys = Object.keys(eventFilterSchema.shape).sort();

/** The same text for the same view and filter, in whatever order they were given. */
export const questionText = remembered((view: View, filter: EventFilter): string => {
  const place =
    view.kind === 'namespace' ? view.namespace.id : view.kind === 'project' ? view.project.id : '';
  const asked = filterKeys.flatMap((key) => {
    const value = filter[key as keyof EventFilter];
    return value === undefined ? [] : [[key, Array.isArray(value) ? [...value].sort() : value]];
  });
  return JSON.stringify([view.kind, place, asked]);
});

async function answerPage(
  work: Work,
  { view, reader, filter, cursor, limit }: PageQuestion,
): Promise<string> {
  const checked = checkFilter(filter);
  const question = questionText(view, filter);
  const place = cursor === undefined ? undefined : parseCursor(cursor, question);
  const newer = place?.direction === 'newer';
  const selected = await selectIndexes(work.source, work.words, {
    view,
    reader,
    filter: checked,
    limit,
    newestFirst: !newer,
    within: place === undefined ? {} : newer ? { low: place.index + 1 } : { high: place.index },
    ...(work.requireWanted && { requireWanted: work.requireWanted }),
  });
  const indexes = newer ? selected.indexes.toReversed() : selected.indexes;
  const items = await showTexts(work, rightsOver(view, reader), {
    indexes,
    changes: selected.changes,
    merged: isMerged(filter),
  });
  const at = (direction: Place['direction'], index: number): string =>
    formatCursor({ direction, index }, question);
  const reached = selected.reached ?? 0;
  const partial = selected.partial && { partial: true };
  if (newer) {
    const newest = selected.partial ? reached : (indexes[0] ?? place.index);
    return formatPage(items, {
      next: at('older', (indexes.at(-1) ?? place.index) + (indexes.length === 0 ? 1 : 0)),
      previous: at('newer', newest),
      ...partial,
    });
  }
  const previous = indexes[0] ?? (place === undefined ? selected.projected : place.index) - 1;
  return formatPage(items, {
    next: selected.more ? at('older', reached) : null,
    previous: at('newer', previous),
    ...partial,
  });
}

/** Joined once: a page is some 30 kB, and pieces put together would be copied again to cross to another thread. */
function formatPage(items: readonly string[], rest: Omit<EventPage, 'items'>): string {
  const [first = '', ...others] = items;
  const last = others.pop();
  const end = `],${JSON.stringify(rest).slice(1)}`;
  if (last === undefined) return `{"items":[${first}${end}`;
  return [`{"items":[${first}`, ...others, last + end].join(',');
}

/** Undefined for what is missing, and for what this reader may not see. */
async function findEvent(
  { source }: Work,
  { id, view, reader }: { id: string; view: View; reader: ReaderRights },
): Promise<ShownEvent | undefined> {
  const bytes = uuidBytes(id);
  if (!bytes) return undefined;
  const rights = rightsIn(view, reader);
  const [row] = await source.rows<{ idx: number }>({
    text: 'SELECT idx FROM search_event WHERE id = ?',
    params: [bytes],
  });
  const [stored] = row ? await source.events([row.idx]) : [];
  if (!stored || !holds(rights.readable, factsOf(openStored(stored)))) return undefined;
  const [shown] = await showEvents(source, rights, { stored: [stored], merged: true });
  if (shown?.cause !== undefined) await addCause(source, shown, shown.cause);
  return shown;
}

/** Who reads an effect reads its cause's type, id and actor; nothing restricted is among them. */
async function addCause(source: SearchSource, shown: ShownEvent, cause: string): Promise<void> {
  const [row] = await source.rows<{ idx: number }>({
    text: 'SELECT idx FROM search_event WHERE id = ?',
    params: [uuidBytes(cause) ?? Buffer.alloc(0)],
  });
  const [stored] = row ? await source.events([row.idx]) : [];
  if (!stored) return;
  const { id, type, title, actor } = showEvent(stored, rightsIn({ kind: 'administration' }, nobody));
  const { proven: _proven, ...named } = actor;
  shown.causedBy = { id, type, title, actor: named };
}

const nobody: ReaderRights = {
  role: 'person',
  owned: [],
  memberOf: [],
  ownedProjects: { ids: [], ofNamespaces: [] },
  maintainedProjects: { ids: [], ofNamespaces: [] },
};

async function readStretch(work: Work, question: StretchQuestion): Promise<Stretch> {
  const { view, reader, filter } = question;
  const { indexes, next } = await findStretch(work, question);
  const stored = await work.source.events(indexes);
  const events = await showEvents(work.source, rightsIn(view, reader), { stored, merged: isMerged(filter) });
  return { events, next };
}

async function findStretch(
  work: Work,
  { view, reader, filter, low, high, limit }: StretchQuestion,
): Promise<{ indexes: number[]; next: number }> {
  const { next } = work.source.state();
  if (high > next)
    throw new AppError('unavailable', 'The search index is being rebuilt. Try again in a moment.', {
      reason: 'unavailable',
      retryAfterSeconds: 5,
    });
  const selected = await selectIndexes(work.source, work.words, {
    view,
    reader,
    limit,
    filter: checkFilter(filter),
    within: { low, high },
    newestFirst: false,
    ...(work.requireWanted && { requireWanted: work.requireWanted }),
  });
  return {
    indexes: selected.indexes,
    next: selected.more ? (selected.reached as number) + 1 : high,
  };
}

async function readChunk(work: Work, question: ChunkQuestion): Promise<Chunk> {
  const { events, next } = await readStretch(work, question);
  return { text: formatChunk(events, question.format), next };
}

async function findProvable(work: Work, question: StretchQuestion): Promise<Provable> {
  const { indexes, next } = await findStretch(work, question);
  const rights = rightsIn(question.view, question.reader);
  const found = await readEvidence(work.source, rights, indexes);
  const provable = found.filter((one) => typeof one === 'object');
  return {
    indexes: provable.map(({ index }) => index),
    hidden: found.filter((one) => one === 'hidden').length,
    next,
  };
}
