/** The trail's state is its address: reading and changing it. A change of filter goes back to the newest page. */
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback, useMemo } from 'react';
import { filterOf, parseTrailSearch, type TrailFilter, type TrailSearch } from './trail-search.ts';

export type TrailAddress = {
  search: TrailSearch;
  filter: TrailFilter;
  /** Sets filters (undefined takes one away), and forgets page and opened event. */
  setFilter: (change: { [K in keyof TrailFilter]?: TrailFilter[K] | undefined }) => void;
  clearFilter: () => void;
  /** Opens an event beside the list, or closes it; the page stays. */
  openEvent: (id: string | undefined) => void;
  /** Another page in the place of this one: back leads to what was before it. */
  moveOn: (cursor: string) => void;
};

export function useTrailSearch(): TrailAddress {
  const raw = useSearch({ strict: false }) as Record<string, unknown>;
  const navigate = useNavigate();
  const search = useMemo(() => parseTrailSearch(raw), [raw]);
  const filter = useMemo(() => filterOf(search), [search]);
  const go = useCallback(
    (next: TrailSearch, keepScroll = false) =>
      void navigate({ to: '.', search: next as never, resetScroll: !keepScroll }),
    [navigate],
  );
  const moveOn = useCallback(
    (cursor: string) =>
      void navigate({
        to: '.',
        search: ((before: object) => ({ ...before, cursor })) as never,
        replace: true,
        resetScroll: false,
      }),
    [navigate],
  );
  return {
    search,
    filter,
    moveOn,
    setFilter: (change) => go(parseTrailSearch({ ...filter, ...change })),
    clearFilter: () => go({}),
    openEvent: (event) => {
      const { event: _event, ...rest } = search;
      go(event === undefined ? rest : { ...rest, event }, true);
    },
  };
}
