/** A row per event: when, how it ended, what happened, where, with what, from where. */
import type { ShownEvent } from '@tallyman/contract';
import { Link } from '@tanstack/react-router';
import { Fragment } from 'react';
import { OutcomeBadge } from '../../parts/outcome-badge.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { formatUtc, inWords } from '../../parts/time-text.ts';
import { agentName } from './agent-name.ts';
import { EventSentence } from './event-sentence.tsx';
import classes from './events.module.css';
import type { TrailSearch } from './trail-search.ts';

type Props = {
  events: readonly ShownEvent[];
  /** The one opened beside the list. */
  selected: string | undefined;
  hidden: readonly string[];
};

/** Columns that can be put away. */
export const optionalColumns = [
  { id: 'where', label: 'Where' },
  { id: 'credential', label: 'Credential' },
  { id: 'source', label: 'Source' },
] as const;

export function EventTable({ events, selected, hidden }: Props) {
  return (
    <Table
      label="Events"
      items={events}
      columns={columns}
      rowId={(event) => event.id}
      hidden={hidden}
      selected={selected}
      rowTone={(event) => event.outcome}
    />
  );
}

const columns: readonly Column<ShownEvent>[] = [
  {
    id: 'time',
    header: 'Time',
    className: classes.timeColumn,
    cell: (event) => <Time at={event.occurredAt} short />,
  },
  {
    id: 'outcome',
    header: 'Outcome',
    hideBelow: 'narrow',
    className: classes.outcomeColumn,
    cell: (event) => <OutcomeCell event={event} />,
  },
  {
    id: 'what',
    header: 'What happened',
    cell: (event) => (
      <>
        {/* Where its column has no room. */}
        <div className={classes.outcomeAbove} data-only="narrow">
          <OutcomeCell event={event} />
        </div>
        <Link
          to="."
          search={((search: TrailSearch) => ({ ...search, event: event.id })) as never}
          resetScroll={false}
          className={classes.rowLink}
        >
          <EventSentence event={event} />
        </Link>
        <Remarks event={event} />
      </>
    ),
  },
  {
    id: 'where',
    header: 'Where',
    hideBelow: 'narrow',
    className: classes.whereColumn,
    cell: (event) => <Where event={event} />,
  },
  {
    id: 'credential',
    header: 'Credential',
    hideBelow: 'medium',
    className: classes.credentialColumn,
    cell: (event) => <CredentialCell event={event} />,
  },
  {
    id: 'source',
    header: 'Source',
    hideBelow: 'wide',
    className: classes.sourceColumn,
    cell: (event) => <SourceCell event={event} />,
  },
];

/** What a plain reading of the sentence would miss. */
function Remarks({ event: { repeats, actor } }: { event: ShownEvent }) {
  const claimed = !actor.proven && actor.name !== undefined;
  if (!claimed && repeats === undefined) return null;
  return (
    <div className={classes.under}>
      {repeats && (
        <span className={classes.repeats} title={`until ${formatUtc(repeats.lastAt)}`}>
          and {repeats.count.toLocaleString()} more like it
        </span>
      )}
      {claimed && (
        <span title="Somebody passed for this account and did not prove it">identity only claimed</span>
      )}
    </div>
  );
}

function OutcomeCell({ event }: { event: ShownEvent }) {
  return (
    <>
      <OutcomeBadge outcome={event.outcome} />
      {event.reason !== undefined && <Reason word={event.reason} />}
    </>
  );
}

/** A machine's word, broken where it may be. */
function Reason({ word }: { word: string }) {
  return (
    <code className={classes.reason}>
      {word.split('_').map((part, index) => (
        <Fragment key={part}>
          {index > 0 && (
            <>
              _<wbr />
            </>
          )}
          {part}
        </Fragment>
      ))}
    </code>
  );
}

function Where({ event: { scope } }: { event: ShownEvent }) {
  if (scope.project) {
    const path = scope.project.path ?? 'a project';
    return (
      <span className={classes.clip} title={path}>
        {path}
      </span>
    );
  }
  if (scope.namespace) return <span className={classes.clip}>{scope.namespace.name ?? 'a namespace'}</span>;
  return <span className={classes.dim}>the server</span>;
}

function CredentialCell({ event: { credential } }: { event: ShownEvent }) {
  if (credential.kind === 'none') return <span className={classes.dim}>none</span>;
  return (
    <>
      <span className={classes.clip} title={credential.name}>
        {credential.name ?? inWords(credential.kind)}
      </span>
      {credential.name !== undefined && <div className={classes.under}>{inWords(credential.kind)}</div>}
    </>
  );
}

function SourceCell({ event: { request, withheld } }: { event: ShownEvent }) {
  if (request.ip !== undefined) {
    return (
      <>
        <span className={classes.ip}>{request.ip}</span>
        <div className={classes.under} title={request.userAgent}>
          <span className={classes.clip}>{agentName(request.userAgent) ?? request.protocol}</span>
        </div>
      </>
    );
  }
  return (
    <span className={classes.dim}>{withheld.includes('/request/ip') ? 'not shown' : request.protocol}</span>
  );
}
