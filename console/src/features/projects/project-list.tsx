/** Projects one may read, all or those of one namespace. */
import { SegmentedControl } from '@mantine/core';
import type { Project } from '@tallyman/contract';
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { apiList, useApiMutation } from '../../api/queries.ts';
import { CreateButton } from '../../parts/create-button.tsx';
import { DialogForm } from '../../parts/dialog-form.tsx';
import { TextLink } from '../../parts/links.tsx';
import { NameInput } from '../../parts/name-input.tsx';
import { Nothing, Section } from '../../parts/page.tsx';
import { PagedTable } from '../../parts/paged-table.tsx';
import classes from '../../parts/parts.module.css';
import { SearchField } from '../../parts/search-field.tsx';
import type { Column } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { useMe } from '../session/use-me.ts';
import { VisibilityBadge } from './visibility-badge.tsx';

export function ProjectList({ namespace }: { namespace?: string }) {
  const [text, setText] = useState('');
  const projects = useInfiniteQuery({
    ...apiList('projects.list', {
      query: { ...(namespace !== undefined && { namespace }), ...(text !== '' && { text }) },
    }),
    placeholderData: keepPreviousData,
  });
  return (
    <Section
      title={namespace === undefined ? 'Projects you may read' : 'Projects'}
      actions={
        <CreateButton label="New project">
          {(close) => <CreateForm namespace={namespace} onClose={close} />}
        </CreateButton>
      }
    >
      <SearchField label="Part of the project’s path" text={text} maxLength={255} onSearch={setText} />
      <PagedTable
        label="Projects"
        query={projects}
        columns={columns}
        rowId={({ id }) => id}
        empty={
          text === '' ? (
            <Nothing title="No projects">
              The first accepted push creates one, or create an empty one here.
            </Nothing>
          ) : (
            <Nothing title={`No project with “${text}” in its path`}>
              Projects you may not read are not looked through.
            </Nothing>
          )
        }
      />
    </Section>
  );
}

const columns: Column<Project>[] = [
  {
    id: 'path',
    header: 'Project',
    cell: ({ path, format, description }) => (
      <>
        <TextLink to="/projects/$format/$path/tags" params={{ format, path }} className={classes.strong}>
          {path}
        </TextLink>
        {description !== '' && <div className={classes.under}>{description}</div>}
      </>
    ),
  },
  {
    id: 'visibility',
    header: 'Visibility',
    cell: ({ visibility }) => <VisibilityBadge visibility={visibility} />,
  },
  { id: 'role', header: 'Your role', hideBelow: 'narrow', cell: ({ role }) => role },
  { id: 'created', header: 'Created', hideBelow: 'medium', cell: ({ createdAt }) => <Time at={createdAt} /> },
];

function CreateForm({ namespace, onClose }: { namespace: string | undefined; onClose: () => void }) {
  const me = useMe();
  const navigate = useNavigate();
  const create = useApiMutation('projects.create', ['projects.list']);
  const [visibility, setVisibility] = useState<Project['visibility']>('private');
  return (
    <DialogForm
      action="Create project"
      change={create}
      onClose={onClose}
      onSubmit={({ textOf }) => {
        const path = textOf('path') ?? '';
        const onSuccess = ({ format }: Project): void =>
          void navigate({ to: '/projects/$format/$path/tags', params: { format, path } });
        create.mutate({ body: { format: 'container', path, visibility } }, { onSuccess });
      }}
    >
      <NameInput
        name="path"
        label="Path"
        description="namespace/name, in lower case"
        defaultValue={`${namespace ?? me.name}/`}
        maxLength={255}
        data-autofocus
      />
      <SegmentedControl
        aria-label="Visibility"
        value={visibility}
        onChange={(value) => setVisibility(value as Project['visibility'])}
        data={[
          { value: 'private', label: 'Private' },
          { value: 'public', label: 'Public: anyone may pull' },
        ]}
      />
    </DialogForm>
  );
}
