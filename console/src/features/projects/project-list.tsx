/** Projects one may read, all or those of one namespace. */
import { Button, Group, Modal, SegmentedControl, Stack, TextInput } from '@mantine/core';
import type { Project } from '@tallyman/contract';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
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
import { useMe } from '../session/use-me.ts';
import { VisibilityBadge } from './visibility-badge.tsx';

export function ProjectList({ namespace }: { namespace?: string }) {
  const [creating, setCreating] = useState(false);
  const projects = useInfiniteQuery(
    apiList('projects.list', { query: namespace === undefined ? {} : { namespace } }),
  );
  return (
    <Section
      title={namespace === undefined ? 'Projects you may read' : 'Projects'}
      actions={
        <Button variant="default" leftSection={<PlusIcon />} onClick={() => setCreating(true)}>
          New project
        </Button>
      }
    >
      <PagedTable
        label="Projects"
        query={projects}
        columns={columns}
        rowId={({ id }) => id}
        empty={
          <Nothing title="No projects">
            The first accepted push creates one, or create an empty one here.
          </Nothing>
        }
      />
      <Modal opened={creating} onClose={() => setCreating(false)} title="New project">
        {creating && <CreateForm namespace={namespace} onClose={() => setCreating(false)} />}
      </Modal>
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
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const path = String(new FormData(event.currentTarget).get('path')).trim();
    const onSuccess = ({ format }: Project): void =>
      void navigate({ to: '/projects/$format/$path/tags', params: { format, path } });
    create.mutate({ body: { format: 'container', path, visibility } }, { onSuccess });
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        <TextInput
          name="path"
          label="Path"
          description="namespace/name, in lower case"
          defaultValue={`${namespace ?? me.name}/`}
          required
          withAsterisk={false}
          maxLength={255}
          autoCapitalize="none"
          spellCheck={false}
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
        <ProblemAlert error={create.error} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={create.isPending}>
            Create project
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
