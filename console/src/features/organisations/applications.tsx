/** An organisation's OAuth applications. */
import { TextInput } from '@mantine/core';
import type { Application } from '@tallyman/contract';
import { useInfiniteQuery } from '@tanstack/react-query';
import { apiList, useApiMutation } from '../../api/queries.ts';
import { CreateButton } from '../../parts/create-button.tsx';
import { DialogForm } from '../../parts/dialog-form.tsx';
import { TextLink } from '../../parts/links.tsx';
import { Nothing, Section } from '../../parts/page.tsx';
import { PagedTable } from '../../parts/paged-table.tsx';
import classes from '../../parts/parts.module.css';
import type { Column } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';

export function Applications({ organisation, owner }: { organisation: string; owner: boolean }) {
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
          <CreateButton label="New application">
            {(close) => <CreateForm organisation={organisation} onDone={close} />}
          </CreateButton>
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
    </Section>
  );
}

function CreateForm({ organisation, onDone }: { organisation: string; onDone: () => void }) {
  const create = useApiMutation('applications.create', ['applications.list']);
  return (
    <DialogForm
      action="Create application"
      change={create}
      onClose={onDone}
      onSubmit={({ textOf }) => {
        const description = textOf('description');
        const body = { name: textOf('name') ?? '', ...(description && { description }) };
        create.mutate({ params: { organisation }, body }, { onSuccess: onDone });
      }}
    >
      <TextInput name="name" label="Name" required withAsterisk={false} maxLength={100} data-autofocus />
      <TextInput name="description" label="Description (optional)" maxLength={500} />
    </DialogForm>
  );
}
