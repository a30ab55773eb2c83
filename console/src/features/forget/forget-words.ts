/** Retention, holds and erasures in words. Pure. */
import type { Erasure, Hold, SettableRetention } from '@tallyman/contract';

export const classTexts: Record<SettableRetention, { title: string; what: string }> = {
  project: { title: 'Projects', what: 'Pushes, tags, locks, deletions, roles on projects' },
  account: { title: 'Accounts', what: 'Accounts, sign-ins, tokens, settings' },
  routine: { title: 'Routine', what: 'Pulls' },
};

export function daysText(days: number | null): string {
  if (days === null) return 'for ever';
  return `${days.toLocaleString('en')} ${days === 1 ? 'day' : 'days'}`;
}

type Bounds = { shortestDays: number; longestDays: number | null };

export function boundsText(bounds: Bounds | null): string {
  if (bounds === null) return 'Every namespace follows the server';
  const { shortestDays, longestDays } = bounds;
  return longestDays === null
    ? `Owners of namespaces may choose: ${daysText(shortestDays)} or longer`
    : `Owners of namespaces may choose: from ${daysText(shortestDays)} to ${daysText(longestDays)}`;
}

/** Whether something that is kept now would go. */
export function isShorter(days: number | null, before: number | null): boolean {
  return days !== null && (before === null || days < before);
}

export const holdKindTexts: Record<Hold['kind'], string> = {
  namespace: 'Namespace',
  project: 'Project',
  user: 'User',
};

export const erasureKindTexts: Record<Erasure['kind'], string> = {
  user: 'A deleted user',
  name: 'A name that was typed',
  address: 'An address',
};

type State = { text: string; tone: 'good' | 'bad' | 'warn' | 'plain' };
export const erasureStates: Record<Erasure['state'], State> = {
  previewing: { text: 'looking', tone: 'plain' },
  previewed: { text: 'waits for you', tone: 'warn' },
  erasing: { text: 'erasing', tone: 'plain' },
  done: { text: 'erased', tone: 'good' },
  failed: { text: 'failed', tone: 'bad' },
  cancelled: { text: 'thrown away', tone: 'plain' },
};

export function countsText({ entries, events }: { entries: number; events: number }): string {
  const of = (count: number, one: string, more: string): string =>
    `${count.toLocaleString('en')} ${count === 1 ? one : more}`;
  return `${of(entries, 'entry', 'entries')} of ${of(events, 'event', 'events')}`;
}

export const isUnderWay = ({ state }: Pick<Erasure, 'state'>): boolean =>
  state === 'previewing' || state === 'erasing';

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
export const isId = (text: string): boolean => uuid.test(text);
