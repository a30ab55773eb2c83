/** The trail: filter, list, live end, and the event beside it. The same for every view. */
import { Button, Menu } from '@mantine/core';
import { useLocalStorage } from '@mantine/hooks';
import type { ApiQuery, EventPage } from '@tallyman/contract';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useLocation } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { apiQuery } from '../../api/queries.ts';
import { CheckIcon, ColumnsIcon, NewerIcon, OlderIcon, PauseIcon, PlayIcon } from '../../parts/icons.tsx';
import { ButtonLink } from '../../parts/links.tsx';
import { Notice } from '../../parts/notice.tsx';
import { Nothing } from '../../parts/page.tsx';
import { Waiting } from '../../parts/paged-table.tsx';
import { ProblemAlert } from '../../parts/problem-alert.tsx';
import { EventDrawer } from './event-drawer.tsx';
import { EventTable, optionalColumns } from './event-table.tsx';
import classes from './events.module.css';
import { ExportMenu } from './export-menu.tsx';
import { FilterBar } from './filter-bar.tsx';
import { HistogramToggle, TrailHistogram } from './trail-histogram.tsx';
import { questionOf, type TrailView } from './trail-search.ts';
import { merge, type Tail, useTail } from './use-tail.ts';
import { type TrailAddress, useTrailSearch } from './use-trail-search.ts';

const perPage = 50;

export function Trail({ view, empty }: { view: TrailView; empty: string }) {
  const address = useTrailSearch();
  const { search, filter } = address;
  const { pathname } = useLocation();
  const [live, setLive] = useState<'off' | 'on' | 'paused'>('off');
  const [hidden, setHidden] = useLocalStorage<string[]>({ key: 'trail-columns-hidden', defaultValue: [] });
  const [chart, setChart] = useLocalStorage({ key: 'trail-chart', defaultValue: true });
  const onNewest = search.cursor === undefined;
  const tail = useTail({ view, filter, enabled: live !== 'off' && onNewest, paused: live === 'paused' });
  const page = useQuery({
    ...apiQuery('events.list', {
      query: {
        ...questionOf(view, filter),
        limit: perPage,
        ...(search.cursor !== undefined && { cursor: search.cursor }),
      } as ApiQuery<'events.list'>,
    }),
    placeholderData: keepPreviousData,
  });
  const { refetch } = page;
  // What came between the page and the beginning of the live end stands in neither: ask once more.
  useEffect(() => {
    if (tail.state === 'live') void refetch();
  }, [tail.state, refetch]);
  const events = merge(page.data?.items ?? [], tail.events);
  return (
    <>
      <FilterBar view={view} address={address} />
      {chart && !page.isError && (
        <TrailHistogram view={view} filter={filter} ready={page.isSuccess && !page.isPlaceholderData} />
      )}
      <div className={classes.toolbar}>
        <span className={classes.count} aria-live="polite">
          {page.isFetching
            ? 'Loading…'
            : page.isError
              ? ''
              : countText(events.length, page.data?.next != null)}
        </span>
        <LiveControls {...{ live, setLive, tail, onNewest }} />
        <HistogramToggle shown={chart} onChange={setChart} />
        <ColumnMenu hidden={hidden} onChange={setHidden} />
        <ExportMenu view={view} filter={filter} />
      </div>
      <ProblemAlert error={page.error} retry={page.refetch} />
      {tail.state === 'lost' && (
        <Notice tone="warn" title="Nothing comes live any more" urgent>
          <p>
            The server ended the stream: your session or your rights may have ended, or too many streams are
            open. Press “Stop”, then “Live” to begin again.
          </p>
        </Notice>
      )}
      {page.data?.completeTo !== undefined && (
        <p className={classes.notice} role="status">
          The search index is catching up: events from number {page.data.completeTo} on may still be missing
          here.
        </p>
      )}
      {page.isPending && !page.isError && <Waiting />}
      {page.data && events.length === 0 && <Empty address={address} empty={empty} page={page.data} />}
      {events.length > 0 && (
        <div className={classes.list} data-stale={page.isPlaceholderData || undefined}>
          <EventTable events={events} selected={search.event} hidden={hidden} />
        </div>
      )}
      {page.data && (
        <Pager
          address={address}
          next={page.data.next}
          previous={page.data.previous}
          partial={page.data.partial}
        />
      )}
      <EventDrawer address={address} events={events} trailPath={pathname} />
    </>
  );
}

function countText(count: number, more: boolean): string {
  return `${count} ${count === 1 ? 'event' : 'events'} on this page${more ? ', older ones follow' : ''}`;
}

function Empty({
  address,
  empty,
  page: { next, partial },
}: {
  address: TrailAddress;
  empty: string;
  page: Pick<EventPage, 'next' | 'partial'>;
}) {
  if (partial && next !== null)
    return <LookingBack key={JSON.stringify(address.filter)} address={address} further={next} />;
  if (address.search.cursor !== undefined)
    return next === null ? (
      <Nothing title="Nothing further back">Everything was looked through: no older event matches.</Nothing>
    ) : (
      <Nothing title="Nothing newer">These were the newest events.</Nothing>
    );
  const filtered = Object.keys(address.filter).length > 0;
  if (!filtered) return <Nothing title="Nothing yet">{empty}</Nothing>;
  return (
    <Nothing title="No event matches all filters">
      Take one away, or{' '}
      <Button variant="subtle" size="compact-sm" onClick={address.clearFilter}>
        clear them all
      </Button>
    </Nothing>
  );
}

/** Goes on by itself until something is found, everything was looked through, or one has seen enough. */
function LookingBack({ address: { moveOn }, further }: { address: TrailAddress; further: string }) {
  const [stopped, setStopped] = useState(false);
  useEffect(() => {
    if (!stopped) moveOn(further);
  }, [stopped, further, moveOn]);
  const title = stopped ? 'Nothing among the events looked through so far' : 'Looking through older events…';
  return (
    <Nothing title={title}>
      <Button variant="subtle" size="compact-sm" onClick={() => setStopped(!stopped)}>
        {stopped ? 'Go on' : 'Stop'}
      </Button>
    </Nothing>
  );
}

type LiveProps = {
  live: 'off' | 'on' | 'paused';
  setLive: (live: 'off' | 'on' | 'paused') => void;
  tail: Tail;
  onNewest: boolean;
};

const tailTexts = { off: '', connecting: 'connecting…', live: 'live', lost: 'connection lost' } as const;

function LiveControls({ live, setLive, tail, onNewest }: LiveProps) {
  if (live === 'off')
    return (
      <Button
        variant="default"
        leftSection={<PlayIcon size={14} />}
        disabled={!onNewest}
        title={onNewest ? 'Show events as they come' : 'Go to the newest page first'}
        onClick={() => setLive('on')}
      >
        Live
      </Button>
    );
  return (
    <Button.Group>
      <Button
        variant="light"
        leftSection={live === 'on' ? <PauseIcon size={14} /> : <PlayIcon size={14} />}
        onClick={() => setLive(live === 'on' ? 'paused' : 'on')}
      >
        {live === 'on' ? `Pause · ${tailTexts[tail.state]}` : `Go on · ${tail.waiting} new`}
      </Button>
      <Button variant="default" onClick={() => setLive('off')}>
        Stop
      </Button>
    </Button.Group>
  );
}

function ColumnMenu({ hidden, onChange }: { hidden: string[]; onChange: (hidden: string[]) => void }) {
  return (
    <Menu position="bottom-end" shadow="md" closeOnItemClick={false}>
      <Menu.Target>
        <Button variant="default" leftSection={<ColumnsIcon />} className={classes.columnsButton}>
          Columns
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {optionalColumns.map(({ id, label }) => {
          const shown = !hidden.includes(id);
          return (
            <Menu.Item
              key={id}
              role="menuitemcheckbox"
              aria-checked={shown}
              leftSection={shown ? <CheckIcon size={14} /> : <span className={classes.unchecked} />}
              onClick={() => onChange(shown ? [...hidden, id] : hidden.filter((other) => other !== id))}
            >
              {label}
            </Menu.Item>
          );
        })}
      </Menu.Dropdown>
    </Menu>
  );
}

type PagerProps = {
  address: TrailAddress;
  next: string | null;
  previous: string;
  partial: boolean | undefined;
};

function Pager({ address: { filter, search }, next, previous, partial }: PagerProps) {
  const at = (cursor: string | undefined) => (cursor === undefined ? filter : { ...filter, cursor }) as never;
  return (
    <nav className={classes.pager} aria-label="Pages">
      <ButtonLink variant="default" to="." search={at(undefined)} disabled={search.cursor === undefined}>
        Newest
      </ButtonLink>
      <ButtonLink
        variant="default"
        leftSection={<NewerIcon size={14} />}
        to="."
        search={at(previous)}
        disabled={search.cursor === undefined}
      >
        Newer
      </ButtonLink>
      <ButtonLink
        variant="default"
        rightSection={<OlderIcon size={14} />}
        to="."
        search={at(next ?? undefined)}
        disabled={next === null}
      >
        {partial ? 'Look further back' : 'Older'}
      </ButtonLink>
    </nav>
  );
}
