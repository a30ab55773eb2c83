/** Names that a rename or a deletion left reserved, for administrators, who free one after thinking of who may take it. */
import { Button, SegmentedControl } from '@mantine/core';
import type { ReservedName } from '@tallyman/contract';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { apiList, useApiMutation } from '../../api/queries.ts';
import { Confirm } from '../../parts/confirm.tsx';
import { TextLink } from '../../parts/links.tsx';
import { Nothing, Page } from '../../parts/page.tsx';
import { PagedTable } from '../../parts/paged-table.tsx';
import classes from '../../parts/parts.module.css';
import { actionsColumn, type Column } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { useAsked } from '../../parts/use-asked.ts';

type Kind = ReservedName['kind'];

const kinds: { value: Kind; label: string }[] = [
  { value: 'namespace', label: 'Users and organisations' },
  { value: 'container', label: 'Container projects' },
];

export function ReservedNamesPage() {
  const [kind, setKind] = useState<Kind>('namespace');
  const names = useInfiniteQuery(apiList('reserved_names.list', { query: { kind } }));
  const free = useApiMutation('reserved_names.free', ['reserved_names.list']);
  const freeing = useAsked<ReservedName>();
  const actions = actionsColumn<ReservedName>((reserved) => (
    <div className={classes.rowActions}>
      <TextLink to="/administration/trail" search={formerFilter(reserved) as never} size="sm">
        Its events
      </TextLink>
      <Button
        size="compact-xs"
        variant="default"
        aria-label={`Free ${reserved.name}`}
        onClick={() => freeing.ask(reserved)}
      >
        Free
      </Button>
    </div>
  ));
  return (
    <Page
      title="Reserved names"
      place="Administration"
      lead="A name that was given up stays reserved, so that nobody takes it and is mistaken for who had it before."
    >
      <SegmentedControl
        size="xs"
        mb="sm"
        aria-label="Kind of name"
        value={kind}
        onChange={(value) => setKind(value as Kind)}
        data={kinds}
      />
      <PagedTable
        label="Reserved names"
        query={names}
        columns={[...columns, actions]}
        rowId={({ name }) => name}
        empty={
          <Nothing title="No name is reserved">
            {kind === 'namespace'
              ? 'When a user or an organisation is renamed or deleted, the former name stands here.'
              : 'When a project is renamed or deleted, its former path stands here.'}
          </Nothing>
        }
      />
      <Confirm
        opened={freeing.opened}
        title={`Free ${freeing.item?.name ?? ''}?`}
        action="Free the name"
        danger
        change={free}
        onClose={freeing.close}
        onConfirm={() =>
          freeing.item &&
          free.mutate(
            { params: { kind: freeing.item.kind, name: freeing.item.name } },
            { onSuccess: freeing.close },
          )
        }
      >
        Whoever is first can take it from then on. Clients that still use the name would then reach the new
        owner: they would send their credentials there, and pull what is pushed there. What happened under the
        name before stays with who had it.
      </Confirm>
    </Page>
  );
}

const columns: Column<ReservedName>[] = [
  { id: 'name', header: 'Name', cell: ({ name }) => <span className={classes.strong}>{name}</span> },
  {
    id: 'former',
    header: 'Belonged to',
    hideBelow: 'medium',
    cell: ({ formerId }) => <span className={classes.mono}>{formerId}</span>,
  },
  { id: 'since', header: 'Reserved', cell: ({ reservedAt }) => <Time at={reservedAt} /> },
];

function formerFilter({ kind, formerId }: ReservedName) {
  return kind === 'namespace' ? { namespace: [formerId] } : { project: [formerId] };
}
