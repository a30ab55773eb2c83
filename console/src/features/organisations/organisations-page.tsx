/** The organisations one belongs to, or all of them for administrators. */
import { SegmentedControl } from '@mantine/core';
import type { Organisation } from '@tallyman/contract';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { apiList, useApiMutation } from '../../api/queries.ts';
import { CreateButton } from '../../parts/create-button.tsx';
import { DialogForm } from '../../parts/dialog-form.tsx';
import { TextLink } from '../../parts/links.tsx';
import { NameInput } from '../../parts/name-input.tsx';
import { Nothing, Page } from '../../parts/page.tsx';
import { PagedTable } from '../../parts/paged-table.tsx';
import classes from '../../parts/parts.module.css';
import type { Column } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { isAdministrator, useMe } from '../session/use-me.ts';

export function OrganisationsPage() {
  const me = useMe();
  const [view, setView] = useState<'mine' | 'all'>('mine');
  const organisations = useInfiniteQuery(apiList('organisations.list', { query: { view } }));
  return (
    <Page
      title="Organisations"
      lead="A namespace that several people own together."
      actions={
        <CreateButton label="New organisation" primary>
          {(close) => <CreateForm onClose={close} />}
        </CreateButton>
      }
    >
      {isAdministrator(me) && (
        <SegmentedControl
          size="xs"
          mb="sm"
          aria-label="Which organisations"
          value={view}
          onChange={(value) => setView(value as 'mine' | 'all')}
          data={[
            { value: 'mine', label: 'Mine' },
            { value: 'all', label: 'All' },
          ]}
        />
      )}
      <PagedTable
        label="Organisations"
        query={organisations}
        columns={columns}
        rowId={({ id }) => id}
        empty={
          <Nothing title="No organisations">
            Create one to share projects, robots and their trail with others.
          </Nothing>
        }
      />
    </Page>
  );
}

const columns: Column<Organisation>[] = [
  {
    id: 'name',
    header: 'Organisation',
    cell: ({ name }) => (
      <TextLink
        to="/organisations/$organisation/trail"
        params={{ organisation: name }}
        className={classes.strong}
      >
        {name}
      </TextLink>
    ),
  },
  {
    id: 'role',
    header: 'You are',
    cell: ({ role }) => role ?? <span className={classes.dim}>neither member nor owner</span>,
  },
  { id: 'default', header: 'Members may', cell: ({ defaultRole }) => defaultRoleTexts[defaultRole] },
  { id: 'created', header: 'Created', hideBelow: 'narrow', cell: ({ createdAt }) => <Time at={createdAt} /> },
];

/** The role that members hold on all projects, in words. */
export const defaultRoleTexts: Record<Organisation['defaultRole'], string> = {
  none: 'see the organisation only',
  reader: 'pull from every project',
  maintainer: 'pull from and push to every project',
};

function CreateForm({ onClose }: { onClose: () => void }) {
  const navigate = useNavigate();
  const create = useApiMutation('organisations.create', ['organisations.list', 'me.get']);
  return (
    <DialogForm
      action="Create organisation"
      change={create}
      onClose={onClose}
      onSubmit={({ textOf }) => {
        const name = textOf('name') ?? '';
        const onSuccess = (): void =>
          void navigate({ to: '/organisations/$organisation/members', params: { organisation: name } });
        create.mutate({ body: { name } }, { onSuccess });
      }}
    >
      <NameInput
        label="Name"
        description="Lower-case letters and digits; the first part of its projects’ paths"
        data-autofocus
      />
    </DialogForm>
  );
}
