/** Where a tag has pointed, also a deleted one, each step with its event; restores it to an earlier one. */
import { Button } from '@mantine/core';
import type { TagHistoryEntry } from '@tallyman/contract';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { isApiError } from '../../api/problem.ts';
import { apiList, apiQuery, useApiMutation } from '../../api/queries.ts';
import { Confirm } from '../../parts/confirm.tsx';
import { TextLink } from '../../parts/links.tsx';
import { Nothing, Section } from '../../parts/page.tsx';
import { PagedTable } from '../../parts/paged-table.tsx';
import classes from '../../parts/parts.module.css';
import { ProblemAlert } from '../../parts/problem-alert.tsx';
import { actionsColumn, type Column } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { useAsked } from '../../parts/use-asked.ts';
import { Digest } from './tag-list.tsx';

export function TagPage() {
  const { path, tag } = useParams({ from: '/signed-in/projects/$format/$path/tags/$tag' });
  const params = { format: 'container', path, tag } as const;
  const head = useQuery(apiQuery('tags.get', { params }));
  const project = useQuery(apiQuery('projects.get', { params: { format: 'container', path } }));
  const history = useInfiniteQuery(apiList('tags.history', { params }));
  const restore = useApiMutation('tags.restore', ['tags.get', 'tags.list', 'tags.history']);
  const asked = useAsked<TagHistoryEntry>();
  const missing = isApiError(head.error, 'not_found');
  const deleted = missing && (history.data?.pages[0]?.items.length ?? 0) > 0;
  const writes = project.data?.role === 'maintainer' || project.data?.role === 'owner';
  const actions = actionsColumn<TagHistoryEntry>(
    (entry) =>
      entry.restorable &&
      entry.digest !== head.data?.digest && (
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
      title={`Tag ${tag}`}
      lead={
        <>
          {deleted ? 'Deleted. ' : head.data?.mediaType ? `${head.data.mediaType} · ` : ''}
          <TextLink to="/projects/$format/$path/tags" params={{ format: 'container', path }}>
            All tags
          </TextLink>
        </>
      }
    >
      <ProblemAlert error={missing ? undefined : head.error} retry={head.refetch} />
      <PagedTable
        label="History"
        query={history}
        columns={writes ? [...columns, actions] : columns}
        rowId={({ fromEventId, digest }) => fromEventId + digest}
        empty={<Nothing title="No such tag" />}
      />
      <Confirm
        opened={asked.opened}
        title={`Restore ${tag}?`}
        action="Restore"
        change={restore}
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
  { id: 'digest', header: 'Pointed to', cell: ({ digest }) => <Digest digest={digest} /> },
  { id: 'from', header: 'From', cell: ({ from, fromEventId }) => <Step at={from} event={fromEventId} /> },
  {
    id: 'to',
    header: 'Until',
    cell: ({ to, toEventId }) =>
      to === null ? <span className={classes.dim}>now</span> : <Step at={to} event={toEventId} />,
  },
];

function Step({ at, event }: { at: string; event: string | null }) {
  if (event === null) return <Time at={at} />;
  return (
    <TextLink to="/events/$event" params={{ event }}>
      <Time at={at} />
    </TextLink>
  );
}
