/**
 * Looking through the log for what is to go: pure functions over a stretch of rows. On SQLite they run in a thread of
 * their own (scan-worker.ts), on PostgreSQL over rows of the pool; questions and findings are plain data.
 */
import { hash } from 'node:crypto';
import { declarationOf, isEventType, type SettableRetention, settableRetention } from '@tallyman/contract';
import { parseTimeUs } from '../../stdx/clock.ts';
import { type OpenEvent, openStored, type StoredEvent } from '../projected-row.ts';
import { type Held, holdsOn } from './holds.ts';
import { daysOf, type RetentionRules } from './settings.ts';
import { type Traces, traceFinder } from './traces.ts';

/** Events from `low` on, below `high`; or those of the given indexes. */
export type Place = { low: number; high: number } | { indexes: readonly number[] };

export type ExpiredQuestion = {
  name: 'expired';
  place: Place;
  rules: RetentionRules;
  held: Held;
  /** Only events that are kept for so long; absent: whatever their time is. */
  days?: number;
  nowUs: number;
  /** Types that may explain a present state. */
  explaining: readonly string[];
};
export type TracesQuestion = { name: 'traces' | 'learn'; place: Place; traces: Traces; held: Held };
export type Question = ExpiredQuestion | TracesQuestion;

/** An event whose time has passed. `stored` is there when it may explain a present state. */
export type ExpiredHit = {
  idx: number;
  class: SettableRetention;
  days: number;
  held: boolean;
  /** Leaf hash, base64url. */
  leaf: string;
  stored?: StoredEvent;
};
export type TraceHit = { idx: number; type: string; leaf: string; pointers: string[]; holds: string[] };

export type Expired = {
  hits: ExpiredHit[];
  /** Of the indexes asked for, those whose time has not passed, or that are gone. */
  notYet: number[];
};
export type Found = { hits: TraceHit[]; names: string[]; addresses: string[] };
/** `next`: where to go on. `end`: nothing further on can match. */
export type Answer<F> = F & { next: number; end: boolean };

const dayUs = 86_400_000_000;

export function leafText(body: string): string {
  return hash('sha256', `\0${body}`, 'base64url');
}

const tail = /"type":"([a-z0-9_.]+)","v":1,"version":\d+\}$/;

/** The type of a body without parsing it: bodies are canonical, so it stands at the end. */
function typeOf(body: string): string | undefined {
  return tail.exec(body)?.[1];
}

function classOf(type: string | undefined): SettableRetention | undefined {
  // A type this program does not know is kept: nobody here can tell what it is for.
  if (type === undefined || !isEventType(type)) return undefined;
  const { retention } = declarationOf(type);
  return settableRetention.find((name) => name === retention);
}

/** Ends at the first event that is younger than any that may go. */
export function findExpired(
  rows: readonly StoredEvent[],
  question: ExpiredQuestion,
): Expired & { stoppedAt?: number } {
  const { rules, held, days: asked, nowUs } = question;
  const found: Expired = { hits: [], notYet: [] };
  const explaining = new Set(question.explaining);
  const finite = finiteClasses(rules);
  for (const stored of rows) {
    const type = typeOf(stored.body);
    const name = classOf(type);
    if (name === undefined || !finite.has(name)) {
      found.notYet.push(stored.idx);
      continue;
    }
    const event = openStored({ ...stored, fields: null });
    const recordedUs = parseTimeUs(event.recordedAt) ?? nowUs;
    if (asked !== undefined && recordedUs >= nowUs - asked * dayUs)
      return { ...found, stoppedAt: stored.idx };
    const days = daysOf(rules, name, event.scope.namespace?.id);
    if (days === null || recordedUs >= nowUs - days * dayUs) {
      found.notYet.push(stored.idx);
      continue;
    }
    if (asked !== undefined && days !== asked) continue;
    const hit = { idx: stored.idx, class: name, days, leaf: leafText(stored.body) };
    const isHeld = holdsOn(event, held).length > 0;
    found.hits.push({ ...hit, held: isHeld, ...(explaining.has(event.type) && { stored }) });
  }
  return found;
}

function finiteClasses({ server, namespaces }: RetentionRules): Set<SettableRetention> {
  const all = [server, ...Object.values(namespaces)];
  return new Set(settableRetention.filter((name) => all.some((of) => typeof of[name] === 'number')));
}

export function findTraces(rows: readonly StoredEvent[], { traces, held, name }: TracesQuestion): Found {
  const finder = traceFinder(traces);
  const found = { hits: [] as TraceHit[], names: new Set<string>(), addresses: new Set<string>() };
  for (const stored of rows) {
    if (name === 'learn') {
      const learned = tryRead(() => finder.learn(stored));
      for (const one of learned?.names ?? []) found.names.add(one);
      if (learned?.address !== undefined) found.addresses.add(learned.address);
      continue;
    }
    const pointers = tryRead(() => finder.find(stored)) ?? [];
    if (pointers.length === 0) continue;
    const event: OpenEvent = openStored(stored);
    const { idx, body } = stored;
    found.hits.push({ idx, type: event.type, leaf: leafText(body), pointers, holds: holdsOn(event, held) });
  }
  return { hits: found.hits, names: [...found.names], addresses: [...found.addresses] };
}

/** What cannot be read is left to verification, which names it: it must not stop the rest. */
function tryRead<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
