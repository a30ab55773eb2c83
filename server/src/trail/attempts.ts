/**
 * Refusals, folded. The first of its key is an event at once, durable before the refusal is answered; like ones are only
 * counted, until it has been quiet for 30 s (or 10 min have passed), and then one closing event tells how many there
 * were. So one denied push is one denial and at most one closing event, and a flood costs memory and rows that are
 * bounded, with exact counts, whoever sends it:
 *
 *   key     actor or typed name + credential + source + project + action + reason + what stood in the way, if anything
 *   source  when a source has 20 open keys, whatever else it tries is folded into one entry per type for the source
 *   reason  when the table is full, or the queue of first refusals is, it is folded into one entry per type and reason
 *
 * A crash loses at most one window of repeats, never a first.
 */
import type { RefusalType, Repeats } from '@tallyman/contract';
import { type Clock, formatUs } from '../stdx/clock.ts';
import type { EventDraft, RefusalDraft } from './draft.ts';
import { safeText } from './seal.ts';

export const attemptLimits = {
  quietMs: 30_000,
  longestMs: 600_000,
  keysPerSource: 20,
  openEntries: 20_000,
  /** First refusals waiting for their flush at once. */
  waitingFirsts: 2_000,
  samples: 10,
} as const;

type Fold = Repeats['folded'];
type Entry = {
  key: string;
  fold: Fold;
  source: string;
  first: RefusalDraft;
  /** Set once the first event is sealed; closing waits for it. */
  firstId: Promise<string>;
  openedMs: number;
  lastMs: number;
  count: number;
  /** Some repeat had another reason: possible only beyond the key. */
  mixed: boolean;
  firstRepeatUs: number;
  lastUs: number;
  samples: Set<string>;
};

/** Writes one event; resolves with its id once durable. */
export type WriteEvent = (draft: EventDraft) => Promise<string>;

export class Attempts {
  readonly #write: WriteEvent;
  readonly #clock: Clock;
  readonly #open = new Map<string, Entry>();
  readonly #keysOfSource = new Map<string, number>();
  /** Closing events that could not be written; tried again with the next sweep. */
  #unwritten: EventDraft[] = [];
  #waitingFirsts = 0;

  constructor(parts: { write: WriteEvent; clock: Clock }) {
    this.#write = parts.write;
    this.#clock = parts.clock;
  }

  /** Resolves when the refusal may be answered. Rejects only when the first event of a key could not be written. */
  async note(draft: RefusalDraft): Promise<void> {
    const key = keyOf(draft);
    const open = this.#open.get(key);
    if (open) {
      this.#count(open, draft);
      await open.firstId;
      return;
    }
    const fold = this.#foldFor(draft);
    const folded = fold === 'key' ? key : fold === 'source' ? sourceKey(draft) : reasonKey(draft);
    const entry = this.#open.get(folded);
    if (entry) {
      this.#count(entry, draft);
      await entry.firstId;
      return;
    }
    await this.#begin(folded, fold, draft);
  }

  /** Closes what has been quiet, or open too long. Called every second by the trail. */
  async sweep(): Promise<void> {
    const now = this.#clock.nowMs();
    const due = [...this.#open.values()].filter(
      (entry) =>
        now - entry.lastMs >= attemptLimits.quietMs || now - entry.openedMs >= attemptLimits.longestMs,
    );
    await this.#close(due);
  }

  /** Closes everything, at an orderly stop. */
  async flush(): Promise<void> {
    await this.#close([...this.#open.values()]);
  }

  /** How many entries are open, for metrics. */
  get size(): number {
    return this.#open.size;
  }

  #foldFor(draft: RefusalDraft): Fold {
    const full =
      this.#open.size >= attemptLimits.openEntries || this.#waitingFirsts >= attemptLimits.waitingFirsts;
    if (full) return this.#open.has(sourceKey(draft)) ? 'source' : 'reason';
    return (this.#keysOfSource.get(draft.source) ?? 0) >= attemptLimits.keysPerSource ? 'source' : 'key';
  }

  async #begin(key: string, fold: Fold, draft: RefusalDraft): Promise<void> {
    const now = this.#clock.nowMs();
    this.#waitingFirsts++;
    const firstId = this.#write(draft).finally(() => {
      this.#waitingFirsts--;
    });
    const entry: Entry = {
      key,
      fold,
      source: draft.source,
      first: draft,
      firstId,
      openedMs: now,
      lastMs: now,
      count: 0,
      mixed: false,
      firstRepeatUs: 0,
      lastUs: 0,
      samples: new Set(),
    };
    this.#open.set(key, entry);
    if (fold === 'key') this.#keysOfSource.set(draft.source, (this.#keysOfSource.get(draft.source) ?? 0) + 1);
    try {
      await firstId;
    } catch (error) {
      // Not recorded, so the next like it is a first again.
      this.#forget(entry);
      throw error;
    }
  }

  #count(entry: Entry, draft: RefusalDraft): void {
    const us = this.#clock.nowUs();
    entry.count++;
    entry.mixed ||= draft.reason !== entry.first.reason;
    entry.lastMs = Math.floor(us / 1000);
    entry.firstRepeatUs ||= us;
    entry.lastUs = us;
    if (entry.samples.size < attemptLimits.samples) entry.samples.add(sampleOf(draft));
  }

  async #close(entries: readonly Entry[]): Promise<void> {
    for (const entry of entries) this.#forget(entry);
    const drafts = this.#unwritten;
    this.#unwritten = [];
    for (const entry of entries) {
      // A first that could not be written was answered as an error, and so was each repeat that waited for it.
      const cause = await entry.firstId.catch(() => undefined);
      if (cause !== undefined && entry.count > 0) drafts.push(closing(entry, cause));
    }
    const results = await Promise.allSettled(drafts.map((draft) => this.#write(draft)));
    this.#unwritten.push(...drafts.filter((_draft, at) => results[at]?.status === 'rejected'));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }

  #forget(entry: Entry): void {
    if (!this.#open.delete(entry.key) || entry.fold !== 'key') return;
    const left = (this.#keysOfSource.get(entry.source) ?? 1) - 1;
    if (left > 0) this.#keysOfSource.set(entry.source, left);
    else this.#keysOfSource.delete(entry.source);
  }
}

function closing(entry: Entry, cause: string): EventDraft {
  const { first } = entry;
  const repeats: Repeats = {
    count: entry.count,
    firstAt: formatUs(entry.firstRepeatUs),
    lastAt: formatUs(entry.lastUs),
    samples: [...entry.samples],
    folded: entry.fold,
  };
  const draft = entry.fold === 'key' ? first : forMany(entry);
  const details = { ...draft.details, repeats } as EventDraft['details'];
  return { ...draft, cause, occurredAtUs: entry.lastUs, details };
}

/** Beyond its key, a fold speaks for many: it stands in the system scope, names nobody and nothing of its first. */
function forMany({ first, fold, mixed }: Entry): EventDraft {
  const { id, ip, protocol } = first.by.request;
  const { reason: _reason, target: _target, ...rest } = first;
  const surface = 'surface' in first.details && { surface: first.details.surface };
  return {
    ...rest,
    ...(!mixed && { reason: first.reason }),
    scope: {},
    by: {
      actor: { kind: 'anonymous', proven: false },
      credential: { kind: 'none' },
      request: { id, ...(fold === 'source' && ip !== undefined && { ip }), protocol },
    },
    details: { attempted: { action: first.details.attempted.action }, ...surface } as EventDraft['details'],
  };
}

function keyOf(draft: RefusalDraft): string {
  const { actor, credential } = draft.by;
  const { attempted } = draft.details;
  const typed = 'typedName' in draft.details ? draft.details.typedName : undefined;
  const who = actor.id ?? typed ?? actor.kind;
  return JSON.stringify([
    draft.type,
    who,
    credential.kind,
    credential.id,
    draft.source,
    attempted.project,
    attempted.action,
    draft.reason,
    draft.blockedBy,
  ]);
}

function sourceKey(draft: RefusalDraft): string {
  return JSON.stringify(['source', draft.type, draft.source]);
}

function reasonKey(draft: RefusalDraft): string {
  return JSON.stringify(['reason', draft.type satisfies RefusalType, draft.reason]);
}

function sampleOf(draft: RefusalDraft): string {
  const { attempted } = draft.details;
  const typed = 'typedName' in draft.details ? draft.details.typedName : undefined;
  const parts = [typed, attempted.project, attempted.reference].filter((part) => part !== undefined);
  return safeText(parts.length > 0 ? parts.join(' ') : attempted.action);
}
