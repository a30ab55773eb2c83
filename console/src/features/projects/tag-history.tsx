/**
 * Where a tag has pointed, also a deleted one, each step with its event and who made it; where it pointed at any one time;
 * and the way back to an earlier state.
 */
import { Button, TextInput } from '@mantine/core';
import type { Tag, TagAct, TagHistoryEntry } from '@tallyman/contract';
import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { apiList, apiQuery, useApiMutation } from '../../api/queries.ts';
import { Confirm } from '../../parts/confirm.tsx';
import { TextLink } from '../../parts/links.tsx';
import { StateBadge } from '../../parts/outcome-badge.tsx';
import { Nothing, Section } from '../../parts/page.tsx';
import { PagedTable } from '../../parts/paged-table.tsx';
import classes from '../../parts/parts.module.css';
import { ProblemAlert } from '../../parts/problem-alert.tsx';
import { actionsColumn, type Column } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { useAsked } from '../../parts/use-asked.ts';
import locks from '../immutability/immutability.module.css';
import { explainImmutable } from '../immutability/refused.tsx';
import { Digest } from './tag-list.tsx';
import { actText, secondAsked } from './tag-states.ts';

type Place = { path: string; tag: string };
type Props = Place & {
  /** As it is; undefined while it is deleted. */
  head: Tag | undefined;
  writes: boolean;
};

export function useTagHistory({ path, tag }: Place) {
  return useInfiniteQuery(apiList('tags.history', { params: { format: 'container', path, tag } }));
}

export function TagHistory({ path, tag, head, writes }: Props) {
  const params = { format: 'container', path, tag } as const;
  const history = useTagHistory({ path, tag });
  const restore = useApiMutation('tags.restore', [
    'tags.get',
    'tags.list',
    'tags.history',
    'tags.immutability',
  ]);
  const asked = useAsked<TagHistoryEntry>();
  const locked = head !== undefined && head.immutable !== null;
  const actions = actionsColumn<TagHistoryEntry>(
    (entry) =>
      entry.restorable &&
      entry.digest !== head?.digest && (
        <div className={classes.rowActions}>
          <Button
            size="compact-xs"
            variant="default"
            aria-label={`Restore to ${entry.digest}`}
            onClick={() => asked.ask(entry)}
          >
            Restore
          </Button>
        </div>
      ),
  );
  return (
    <Section
      title="History"
      lead={writes && locked ? 'To restore an earlier state, unlock it first.' : undefined}
    >
      {history.data && <StateAt path={path} tag={tag} />}
      <PagedTable
        label="History"
        query={history}
        columns={writes && !locked ? [...columns, actions] : columns}
        rowId={({ fromEventId, digest }) => fromEventId + digest}
        empty={<Nothing title="No such tag" />}
      />
      <Confirm
        opened={asked.opened}
        title={`Restore ${tag}?`}
        action="Restore"
        change={restore}
        explain={explainImmutable(path, asked.close)}
        onClose={asked.close}
        onConfirm={() =>
          asked.item &&
          restore.mutate({ params, body: { digest: asked.item.digest } }, { onSuccess: asked.close })
        }
      >
        The tag points again to <span className={classes.mono}>{asked.item?.digest}</span>.
      </Confirm>
    </Section>
  );
}

const columns: Column<TagHistoryEntry>[] = [
  {
    id: 'digest',
    header: 'Pointed to',
    cell: ({ digest, to }) => (
      <>
        <Digest digest={digest} /> {to === null && <StateBadge text="now" tone="good" />}
      </>
    ),
  },
  {
    id: 'from',
    header: 'From',
    cell: ({ from, fromEventId, begun }) => <Step at={from} event={fromEventId} act={begun} />,
  },
  {
    id: 'to',
    header: 'Until',
    hideBelow: 'narrow',
    cell: ({ to, toEventId, ended }) =>
      to === null ? (
        <span className={classes.dim}>it still does</span>
      ) : (
        <Step at={to} event={toEventId} act={ended} />
      ),
  },
];

function Step({ at, event, act }: { at: string; event: string | null; act: TagAct | null }) {
  if (event === null) return <Time at={at} />;
  return (
    <>
      <TextLink to="/events/$event" params={{ event }}>
        <Time at={at} />
      </TextLink>
      {act && <div className={classes.under}>{actText(act)}</div>}
    </>
  );
}

function StateAt({ path, tag }: Place) {
  const [field, setField] = useState('');
  const at = secondAsked(field, Date.now());
  const query = useQuery({
    ...apiQuery('tags.history', { params: { format: 'container', path, tag }, query: { at, limit: 1 } }),
    enabled: at !== undefined,
    placeholderData: keepPreviousData,
  });
  const [found] = query.data?.items ?? [];
  return (
    <div className={locks.at}>
      <TextInput
        type="datetime-local"
        step={1}
        label="Where did it point at (your time)"
        value={field}
        onChange={(event) => setField(event.currentTarget.value)}
      />
      <div role="status" className={locks.atAnswer}>
        {at !== undefined &&
          query.isSuccess &&
          (found ? <Found state={found} /> : 'Nowhere: it was not there then.')}
      </div>
      <ProblemAlert error={query.error} retry={query.refetch} />
    </div>
  );
}

function Found({ state: { digest, from, fromEventId, begun } }: { state: TagHistoryEntry }) {
  return (
    <>
      To <Digest digest={digest} /> since{' '}
      <TextLink to="/events/$event" params={{ event: fromEventId }} inherit>
        <Time at={from} />
      </TextLink>
      {begun && <span className={classes.dim}>, {actText(begun)}</span>}
    </>
  );
}
