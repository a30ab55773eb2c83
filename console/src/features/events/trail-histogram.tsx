/**
 * How many events there were, by hour or day and outcome, above the list they are in. Each bar is a link to its stretch of
 * time. For the keyboard the chart is one stop, within which the arrow keys go from bar to bar.
 */
import { Button } from '@mantine/core';
import type { ApiQuery, EventHistogram } from '@tallyman/contract';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { type KeyboardEvent, useMemo, useState } from 'react';
import { apiQuery } from '../../api/queries.ts';
import { outcomeText } from '../../parts/outcome-badge.tsx';
import { ProblemAlert } from '../../parts/problem-alert.tsx';
import { localParts } from '../../parts/time-text.ts';
import classes from './histogram.module.css';
import { type Bar, barsOf, chartOutcomes, spanOf } from './histogram-bars.ts';
import { questionOf, type TrailFilter, type TrailView } from './trail-search.ts';

type Props = {
  view: TrailView;
  filter: TrailFilter;
  /** Once the list was had: what is wrong with a filter is asked and told once. */
  ready: boolean;
};

export function TrailHistogram({ view, filter, ready }: Props) {
  const { from, to } = filter;
  // "Now" moves on with the filter alone: a chart that asked anew at each render would never stand still.
  const span = useMemo(() => spanOf({ ...(from && { from }), ...(to && { to }) }, Date.now()), [from, to]);
  const query = useQuery({
    ...apiQuery('events.histogram', {
      query: { ...questionOf(view, filter), by: 'outcome', ...span } as ApiQuery<'events.histogram'>,
    }),
    enabled: ready,
    staleTime: 30_000,
    placeholderData: keepPreviousData,
  });
  const bars = useMemo(
    () => query.data && barsOf(query.data, query.dataUpdatedAt),
    [query.data, query.dataUpdatedAt],
  );
  if (query.isError)
    return <ProblemAlert error={query.error} title="The chart cannot be drawn" retry={query.refetch} />;
  if (!query.data || !bars) return <div className={classes.chart} aria-hidden />;
  return (
    <figure className={classes.chart} aria-label="Events over time">
      <Bars bars={bars} interval={query.data.interval} filter={filter} />
      <figcaption className={classes.caption}>
        <span>{startText(bars, query.data.interval)}</span>
        <Totals histogram={query.data} bars={bars} />
      </figcaption>
    </figure>
  );
}

type BarsProps = { bars: readonly Bar[]; interval: EventHistogram['interval']; filter: TrailFilter };

function Bars({ bars, interval, filter }: BarsProps) {
  const [stop, setStop] = useState(bars.length - 1);
  const tallest = Math.max(1, ...bars.map(({ events }) => events));
  const reachable = Math.min(stop, bars.length - 1);
  return (
    <ol className={classes.bars} onKeyDown={walkBars}>
      {bars.map((bar, at) => (
        <li key={bar.from} className={classes.slot}>
          <Link
            to="."
            search={{ ...filter, from: bar.from, to: bar.to } as never}
            resetScroll={false}
            className={classes.bar}
            aria-label={barText(bar, interval)}
            title={barText(bar, interval)}
            tabIndex={at === reachable ? 0 : -1}
            onFocus={() => setStop(at)}
          >
            {chartOutcomes.map(
              (outcome) =>
                bar.counts[outcome] > 0 && (
                  <span
                    key={outcome}
                    className={classes.piece}
                    data-outcome={outcome}
                    style={{ height: `${(100 * bar.counts[outcome]) / tallest}%` }}
                  />
                ),
            )}
          </Link>
        </li>
      ))}
    </ol>
  );
}

function Totals({ histogram, bars }: { histogram: EventHistogram; bars: readonly Bar[] }) {
  const { total, completeTo, countedFrom } = histogram;
  const sum = (outcome: (typeof chartOutcomes)[number]): number =>
    bars.reduce((before, { counts }) => before + counts[outcome], 0);
  return (
    <span className={classes.totals}>
      {chartOutcomes.map((outcome) => (
        <span key={outcome} className={classes.legend} data-outcome={outcome}>
          {outcomeText(outcome)} {sum(outcome).toLocaleString()}
        </span>
      ))}
      {total.repeats > 0 && <span>and {total.repeats.toLocaleString()} repeats of refusals</span>}
      {countedFrom !== undefined && <span>not all were counted: choose less time</span>}
      {completeTo !== undefined && <span>the newest may be missing</span>}
    </span>
  );
}

/** Days are days of UTC; hours are told in the reader's own time. */
function placeText(at: string, interval: EventHistogram['interval']): string {
  if (interval === 'day') return at.slice(0, 10);
  const { day, time } = localParts(at);
  return `${day} ${time.slice(0, 5)}`;
}

function startText(bars: readonly Bar[], interval: EventHistogram['interval']): string {
  const [first] = bars;
  return first === undefined ? '' : `since ${placeText(first.from, interval)}`;
}

function barText({ from, to, counts, events, repeats }: Bar, interval: EventHistogram['interval']): string {
  // The last day of a stretch, not the one after it.
  const last = interval === 'day' ? new Date(Date.parse(to) - 1).toISOString() : to;
  const [begin, end] = [placeText(from, interval), placeText(last, interval)];
  const place = begin === end ? begin : `${begin} to ${end}`;
  const parts = chartOutcomes
    .filter((outcome) => counts[outcome] > 0)
    .map((outcome) => `${counts[outcome].toLocaleString()} ${outcomeText(outcome).toLowerCase()}`);
  const repeated = repeats === 0 ? '' : `, and ${repeats.toLocaleString()} repeats`;
  return `${place}: ${events === 0 ? 'no events' : parts.join(', ')}${repeated}`;
}

function walkBars(event: KeyboardEvent<HTMLElement>): void {
  const links = [...event.currentTarget.querySelectorAll('a')];
  const at = links.indexOf(event.target as HTMLAnchorElement);
  const goals: Partial<Record<string, number>> = {
    ArrowLeft: at - 1,
    ArrowRight: at + 1,
    Home: 0,
    End: links.length - 1,
  };
  const goal = links[goals[event.key] ?? -1];
  if (goal === undefined) return;
  event.preventDefault();
  goal.focus();
}

/** Puts the chart away, or brings it back. */
export function HistogramToggle({ shown, onChange }: { shown: boolean; onChange: (shown: boolean) => void }) {
  return (
    <Button variant="default" className={classes.toggle} onClick={() => onChange(!shown)}>
      {shown ? 'Hide chart' : 'Show chart'}
    </Button>
  );
}
