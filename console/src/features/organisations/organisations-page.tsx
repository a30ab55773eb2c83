/** The organisations one belongs to, or all of them for administrators. */
import { Button, Group, Modal, SegmentedControl, Stack, TextInput } from '@mantine/core';
import type { Organisation } from '@tallyman/contract';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { apiList, useApiMutation } from '../../api/queries.ts';
import { PlusIcon } from '../../parts/icons.tsx';
import { TextLink } from '../../parts/links.tsx';
import { Nothing, Page } from '../../parts/page.tsx';
import { PagedTable } from '../../parts/paged-table.tsx';
import classes from '../../parts/parts.module.css';
import { ProblemAlert } from '../../parts/problem-alert.tsx';
import type { Column } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { isAdministrator, useMe } from '../session/use-me.ts';

export function OrganisationsPage() {
  const me = useMe();
  const [view, setView] = useState<'mine' | 'all'>('mine');
  const [creating, setCreating] = useState(false);
  const organisations = useInfiniteQuery(apiList('organisations.list', { query: { view } }));
  return (
    <Page
      title="Organisations"
      lead="A namespace that several people own together."
      actions={
        <Button leftSection={<PlusIcon />} onClick={() => setCreating(true)}>
          New organisation
        </Button>
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
      <Modal opened={creating} onClose={() => setCreating(false)} title="New organisation">
        {creating && <CreateForm onClose={() => setCreating(false)} />}
      </Modal>
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
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const name = String(new FormData(event.currentTarget).get('name')).trim();
    const onSuccess = (): void =>
      void navigate({ to: '/organisations/$organisation/members', params: { organisation: name } });
    create.mutate({ body: { name } }, { onSuccess });
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        <TextInput
          name="name"
          label="Name"
          description="Lower-case letters and digits; the first part of its projects’ paths"
          required
          withAsterisk={false}
          maxLength={64}
          autoCapitalize="none"
          spellCheck={false}
          data-autofocus
        />
        <ProblemAlert error={create.error} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={create.isPending}>
            Create organisation
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
