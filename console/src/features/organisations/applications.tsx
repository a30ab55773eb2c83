/** An organisation's OAuth applications. */
import { Button, Group, Modal, Stack, TextInput } from '@mantine/core';
import type { Application } from '@tallyman/contract';
import { useInfiniteQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { apiList, useApiMutation } from '../../api/queries.ts';
import { PlusIcon } from '../../parts/icons.tsx';
import { TextLink } from '../../parts/links.tsx';
import { Nothing, Section } from '../../parts/page.tsx';
import { PagedTable } from '../../parts/paged-table.tsx';
import classes from '../../parts/parts.module.css';
import { ProblemAlert } from '../../parts/problem-alert.tsx';
import type { Column } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';

export function Applications({ organisation, owner }: { organisation: string; owner: boolean }) {
  const [creating, setCreating] = useState(false);
  const applications = useInfiniteQuery(apiList('applications.list', { params: { organisation } }));
  const columns: Column<Application>[] = [
    {
      id: 'name',
      header: 'Application',
      cell: ({ id, name, description }) => (
        <>
          <TextLink
            to="/organisations/$organisation/applications/$application"
            params={{ organisation, application: id }}
            className={classes.strong}
          >
            {name}
          </TextLink>
          {description && <div className={classes.under}>{description}</div>}
        </>
      ),
    },
    { id: 'created', header: 'Created', cell: ({ createdAt }) => <Time at={createdAt} /> },
  ];
  return (
    <Section
      title="Applications"
      lead="Third-party services that act with tokens which users generate for them."
      actions={
        owner && (
          <Button variant="default" leftSection={<PlusIcon />} onClick={() => setCreating(true)}>
            New application
          </Button>
        )
      }
    >
      <PagedTable
        label="Applications"
        query={applications}
        columns={columns}
        rowId={({ id }) => id}
        empty={
          <Nothing title="No applications">
            An application groups the tokens of one service, so that its acts can be told apart.
          </Nothing>
        }
      />
      <Modal opened={creating} onClose={() => setCreating(false)} title="New application">
        {creating && <CreateForm organisation={organisation} onDone={() => setCreating(false)} />}
      </Modal>
    </Section>
  );
}

function CreateForm({ organisation, onDone }: { organisation: string; onDone: () => void }) {
  const create = useApiMutation('applications.create', ['applications.list']);
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const values = new FormData(event.currentTarget);
    const description = String(values.get('description')).trim();
    const body = { name: String(values.get('name')), ...(description !== '' && { description }) };
    create.mutate({ params: { organisation }, body }, { onSuccess: onDone });
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        <TextInput name="name" label="Name" required withAsterisk={false} maxLength={100} data-autofocus />
        <TextInput name="description" label="Description (optional)" maxLength={500} />
        <ProblemAlert error={create.error} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onDone}>
            Cancel
          </Button>
          <Button type="submit" loading={create.isPending}>
            Create application
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
