/** The robots of one owner: create, give a new token, disable, delete. */
import { Button, Code, Group, Menu, Modal, Stack, TextInput } from '@mantine/core';
import type { Robot, RobotSecret } from '@tallyman/contract';
import { useInfiniteQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { apiList, useApiMutation } from '../../api/queries.ts';
import { Confirm } from '../../parts/confirm.tsx';
import { ExpiryField, expiryAfter } from '../../parts/expiry-field.tsx';
import { PlusIcon } from '../../parts/icons.tsx';
import { StateBadge } from '../../parts/outcome-badge.tsx';
import { Nothing, Section } from '../../parts/page.tsx';
import { PagedTable } from '../../parts/paged-table.tsx';
import classes from '../../parts/parts.module.css';
import { ProblemAlert } from '../../parts/problem-alert.tsx';
import { RowMenu } from '../../parts/row-menu.tsx';
import { SecretOnce } from '../../parts/secret-once.tsx';
import type { Column } from '../../parts/table.tsx';
import { Time, TimeOr } from '../../parts/time.tsx';

/** The name without its owner, as the API takes it. */
const shortName = (robot: Robot): string => robot.name.slice(robot.name.indexOf('+') + 1);

type Asked = { robot: Robot; what: 'rotate' | 'delete' };

export function RobotList({ owner, title }: { owner: string; title: string }) {
  const robots = useInfiniteQuery(apiList('robots.list', { params: { owner } }));
  const [creating, setCreating] = useState(false);
  const [asked, setAsked] = useState<Asked | undefined>();
  const [secret, setSecret] = useState<RobotSecret | undefined>();
  const enable = useApiMutation('robots.enable', ['robots.list']);
  const disable = useApiMutation('robots.disable', ['robots.list']);
  const paramsOf = (robot: Robot) => ({ params: { owner, robot: shortName(robot) } });
  return (
    <Section
      title={title}
      actions={
        <Button variant="default" leftSection={<PlusIcon />} onClick={() => setCreating(true)}>
          New robot
        </Button>
      }
    >
      <ProblemAlert error={enable.error ?? disable.error} />
      <PagedTable
        label={title}
        query={robots}
        columns={[
          ...columns,
          {
            id: 'actions',
            header: '',
            cell: (robot) => (
              <RowMenu label={`Actions for ${robot.name}`}>
                <Menu.Item onClick={() => setAsked({ robot, what: 'rotate' })}>New token</Menu.Item>
                <Menu.Item onClick={() => (robot.disabled ? enable : disable).mutate(paramsOf(robot))}>
                  {robot.disabled ? 'Enable' : 'Disable'}
                </Menu.Item>
                <Menu.Divider />
                <Menu.Item color="red" onClick={() => setAsked({ robot, what: 'delete' })}>
                  Delete
                </Menu.Item>
              </RowMenu>
            ),
          },
        ]}
        rowId={({ id }) => id}
        empty={
          <Nothing title="No robots">
            A robot is an account for a machine: it signs in with a token and holds only the roles you grant
            it.
          </Nothing>
        }
      />
      <CreateRobot
        owner={owner}
        opened={creating}
        onClose={() => setCreating(false)}
        onCreated={(made) => {
          setCreating(false);
          setSecret(made);
        }}
      />
      <Rotate
        owner={owner}
        robot={asked?.what === 'rotate' ? asked.robot : undefined}
        onClose={() => setAsked(undefined)}
        onRotated={setSecret}
      />
      <Delete
        owner={owner}
        robot={asked?.what === 'delete' ? asked.robot : undefined}
        onClose={() => setAsked(undefined)}
      />
      <SecretOnce
        title={`Token of ${secret?.robot.name ?? ''}`}
        secret={secret?.secret}
        onDone={() => setSecret(undefined)}
      >
        Sign in with the user name <Code>{secret?.robot.name}</Code> and this token as the password.
      </SecretOnce>
    </Section>
  );
}

const columns: Column<Robot>[] = [
  {
    id: 'name',
    header: 'Robot',
    cell: ({ name, description }) => (
      <>
        <span className={classes.strong}>{name}</span>
        {description && <div className={classes.under}>{description}</div>}
      </>
    ),
  },
  {
    id: 'state',
    header: 'State',
    cell: ({ disabled }) => (
      <StateBadge text={disabled ? 'disabled' : 'active'} tone={disabled ? 'bad' : 'good'} />
    ),
  },
  {
    id: 'used',
    header: 'Last used',
    hideBelow: 'narrow',
    cell: ({ token }) => (
      <>
        <TimeOr at={token?.lastUsedAt ?? null} otherwise="never" />
        {token?.lastUsedSource && <div className={classes.under}>{token.lastUsedSource}</div>}
      </>
    ),
  },
  {
    id: 'expires',
    header: 'Token ends',
    hideBelow: 'medium',
    cell: ({ token }) => <TimeOr at={token?.expiresAt ?? null} otherwise={token ? 'never' : 'no token'} />,
  },
  { id: 'created', header: 'Created', hideBelow: 'wide', cell: ({ createdAt }) => <Time at={createdAt} /> },
];

type CreateProps = {
  owner: string;
  opened: boolean;
  onClose: () => void;
  onCreated: (made: RobotSecret) => void;
};

function CreateRobot({ opened, ...form }: CreateProps) {
  return (
    <Modal opened={opened} onClose={form.onClose} title="New robot">
      {opened && <CreateForm {...form} />}
    </Modal>
  );
}

function CreateForm({ owner, onClose, onCreated }: Omit<CreateProps, 'opened'>) {
  const create = useApiMutation('robots.create', ['robots.list']);
  const [expiresAt, setExpiresAt] = useState<string | undefined>();
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const values = new FormData(event.currentTarget);
    const description = String(values.get('description')).trim();
    create.mutate(
      {
        params: { owner },
        body: {
          name: String(values.get('name')).trim(),
          ...(description !== '' && { description }),
          ...(expiresAt !== undefined && { expiresAt }),
        },
      },
      { onSuccess: onCreated },
    );
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        <TextInput
          name="name"
          label="Name"
          description={`It signs in as ${owner}+name`}
          required
          withAsterisk={false}
          maxLength={64}
          autoCapitalize="none"
          spellCheck={false}
          data-autofocus
        />
        <TextInput name="description" label="Description (optional)" maxLength={500} />
        <ExpiryField label="Its token ends after" initial="never" onChange={setExpiresAt} />
        <ProblemAlert error={create.error} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={create.isPending}>
            Create robot
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

type AskedProps = { owner: string; robot: Robot | undefined; onClose: () => void };

function Rotate({
  owner,
  robot,
  onClose,
  onRotated,
}: AskedProps & { onRotated: (made: RobotSecret) => void }) {
  const rotate = useApiMutation('robots.rotate', ['robots.list']);
  const [expiresAt, setExpiresAt] = useState<string | undefined>(() => expiryAfter(90));
  const close = (): void => {
    rotate.reset();
    onClose();
  };
  return (
    <Confirm
      opened={robot !== undefined}
      title={`New token for ${robot?.name ?? ''}`}
      action="Make a new token"
      pending={rotate.isPending}
      error={rotate.error}
      onClose={close}
      onConfirm={() =>
        robot &&
        rotate.mutate(
          { params: { owner, robot: shortName(robot) }, body: expiresAt === undefined ? {} : { expiresAt } },
          {
            onSuccess: (made) => {
              close();
              onRotated(made);
            },
          },
        )
      }
    >
      <Stack gap="sm">
        <div>The present token stops at once; whatever uses it is refused until it has the new one.</div>
        <ExpiryField label="The new token ends after" initial="90" onChange={setExpiresAt} />
      </Stack>
    </Confirm>
  );
}

function Delete({ owner, robot, onClose }: AskedProps) {
  const remove = useApiMutation('robots.delete', ['robots.list']);
  const close = (): void => {
    remove.reset();
    onClose();
  };
  return (
    <Confirm
      opened={robot !== undefined}
      title={`Delete ${robot?.name ?? ''}?`}
      action="Delete"
      danger
      pending={remove.isPending}
      error={remove.error}
      onClose={close}
      onConfirm={() =>
        robot && remove.mutate({ params: { owner, robot: shortName(robot) } }, { onSuccess: close })
      }
    >
      Its token stops at once and its roles are gone. What it did stays on the trail.
    </Confirm>
  );
}
