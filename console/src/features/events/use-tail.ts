/**
 * The live end of a trail. The browser's event stream reconnects by itself and names the last event it got, so nothing
 * is missed or doubled on the way; while paused, events are kept aside and counted.
 */
import { type ShownEvent, shownEventSchema } from '@tallyman/contract';
import { useEffect, useRef, useState } from 'react';
import { apiUrl } from '../../api/client.ts';
import { questionOf, type TrailFilter, type TrailView } from './trail-search.ts';

/** Beyond it the oldest are let go: they are in the list below once it is asked again. */
const mostKept = 1000;

export type TailState = 'off' | 'connecting' | 'live' | 'lost';
export type Tail = {
  state: TailState;
  /** Newest first. */
  events: readonly ShownEvent[];
  /** How many came while paused. */
  waiting: number;
};

type Options = { view: TrailView; filter: TrailFilter; enabled: boolean; paused: boolean };

export function useTail({ view, filter, enabled, paused }: Options): Tail {
  const [state, setState] = useState<TailState>('off');
  const [events, setEvents] = useState<readonly ShownEvent[]>([]);
  const [aside, setAside] = useState<readonly ShownEvent[]>([]);
  const pausedNow = useRef(paused);
  const url = enabled ? apiUrl('events.tail', { query: questionOf(view, filter) }) : undefined;

  useEffect(() => {
    pausedNow.current = paused;
    if (paused) return;
    setAside((kept) => {
      if (kept.length > 0) setEvents((shown) => merge(shown, kept));
      return [];
    });
  }, [paused]);

  useEffect(() => {
    setEvents([]);
    setAside([]);
    if (url === undefined) {
      setState('off');
      return;
    }
    setState('connecting');
    const source = new EventSource(url);
    source.onopen = () => setState('live');
    source.onerror = () => setState(source.readyState === EventSource.CLOSED ? 'lost' : 'connecting');
    const take = ({ data }: MessageEvent<string>): void => {
      const event = parseShown(data);
      if (event === undefined) return;
      const put = pausedNow.current ? setAside : setEvents;
      put((kept) => merge(kept, [event]));
    };
    source.addEventListener('message', take);
    source.addEventListener('event', take);
    return () => source.close();
  }, [url]);

  return { state, events, waiting: aside.length };
}

function parseShown(data: string): ShownEvent | undefined {
  try {
    return shownEventSchema.safeParse(JSON.parse(data)).data;
  } catch {
    return undefined;
  }
}

/** Newest first by place in the log; an event told again (its repeats were counted) replaces what was told before. */
export function merge(before: readonly ShownEvent[], come: readonly ShownEvent[]): readonly ShownEvent[] {
  const byId = new Map([...before, ...come].map((event) => [event.id, event]));
  return [...byId.values()].sort((a, b) => b.index - a.index).slice(0, mostKept);
}
