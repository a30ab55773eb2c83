/** Roles granted to users and robots, on one project or on every project of a namespace. */
import { Button } from '@mantine/core';
import type { ProjectFormat, RoleGrant } from '@tallyman/contract';
import { useInfiniteQuery } from '@tanstack/react-query';
import { apiList, useApiMutation } from '../../api/queries.ts';
import { AddWithRole } from '../../parts/add-with-role.tsx';
import { Nothing, Section } from '../../parts/page.tsx';
import { PagedTable } from '../../parts/paged-table.tsx';
import classes from '../../parts/parts.module.css';
import { ProblemAlert } from '../../parts/problem-alert.tsx';
import { actionsColumn, type Column } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';

type Role = RoleGrant['role'];
export type RolePlace = { namespace: string } | { format: ProjectFormat; path: string };

const roleOptions = [
  { value: 'reader', label: 'Reader: pulls' },
  { value: 'maintainer', label: 'Maintainer: also pushes, tags, deletes' },
  { value: 'owner', label: 'Owner: also grants, renames, unlocks' },
] as const;

export function Roles({ place }: { place: RolePlace }) {
  const grants = useGrants(place);
  const { put, remove } = useGrantChanges(place);
  const columns: Column<RoleGrant>[] = [
    {
      id: 'subject',
      header: 'Who',
      cell: ({ subject }) => (
        <>
          <span className={classes.strong}>{subject.name}</span>
          <div className={classes.under}>{subject.kind}</div>
        </>
      ),
    },
    { id: 'role', header: 'Role', cell: ({ role }) => role },
    { id: 'since', header: 'Since', hideBelow: 'narrow', cell: ({ since }) => <Time at={since} /> },
    actionsColumn(({ subject }) => (
      <div className={classes.rowActions}>
        <Button
          size="compact-xs"
          variant="default"
          aria-label={`Take away the role of ${subject.name}`}
          disabled={remove.isPending}
          onClick={() => remove.mutate(subject)}
        >
          Take away
        </Button>
      </div>
    )),
  ];
  return (
    <Section
      title="Roles"
      lead={'namespace' in place ? 'Granted on every project here.' : 'Granted on this project alone.'}
    >
      <AddWithRole
        label="Grant a role to"
        placeholder="user, or owner+robot"
        action="Grant"
        maxLength={129}
        roles={roleOptions}
        rolesWidth={300}
        pending={put.isPending}
        onAdd={(subject, role, onSuccess) => put.mutate({ subject, role }, { onSuccess })}
      />
      <ProblemAlert error={put.error ?? remove.error} />
      <PagedTable
        label="Roles"
        query={grants}
        columns={columns}
        rowId={({ subject }) => `${subject.kind}:${subject.id}`}
        empty={
          <Nothing title="No roles granted">
            Owners of the namespace need none. Grant one to a user, or to a robot by owner+name.
          </Nothing>
        }
      />
    </Section>
  );
}

const kindOf = (name: string): 'user' | 'robot' => (name.includes('+') ? 'robot' : 'user');

function useGrants(place: RolePlace) {
  const ofNamespace = useInfiniteQuery({
    ...apiList('namespaces.roles.list', {
      params: { namespace: 'namespace' in place ? place.namespace : '' },
    }),
    enabled: 'namespace' in place,
  });
  const ofProject = useInfiniteQuery({
    ...apiList('projects.roles.list', {
      params: 'path' in place ? place : { format: 'container', path: '' },
    }),
    enabled: 'path' in place,
  });
  return 'namespace' in place ? ofNamespace : ofProject;
}

function useGrantChanges(place: RolePlace) {
  const putInNamespace = useApiMutation('namespaces.roles.put', ['namespaces.roles.list']);
  const putOnProject = useApiMutation('projects.roles.put', ['projects.roles.list']);
  const deleteInNamespace = useApiMutation('namespaces.roles.delete', ['namespaces.roles.list']);
  const deleteOnProject = useApiMutation('projects.roles.delete', ['projects.roles.list']);
  const inNamespace = 'namespace' in place;
  const put = inNamespace ? putInNamespace : putOnProject;
  const remove = inNamespace ? deleteInNamespace : deleteOnProject;
  return {
    put: {
      isPending: put.isPending,
      error: put.error,
      mutate: ({ subject, role }: { subject: string; role: Role }, done: { onSuccess: () => void }): void => {
        const who = { kind: kindOf(subject), subject };
        if (inNamespace) putInNamespace.mutate({ params: { ...place, ...who }, body: { role } }, done);
        else putOnProject.mutate({ params: { ...place, ...who }, body: { role } }, done);
      },
    },
    remove: {
      isPending: remove.isPending,
      error: remove.error,
      mutate: ({ kind, name }: RoleGrant['subject']): void => {
        const who = { kind, subject: name };
        if (inNamespace) deleteInNamespace.mutate({ params: { ...place, ...who } });
        else deleteOnProject.mutate({ params: { ...place, ...who } });
      },
    },
  };
}
