/** The robots of one owner: create, give a new token, disable, delete. */
import { Code, Menu, Stack, TextInput } from '@mantine/core';
import type { Robot, RobotSecret } from '@tallyman/contract';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { apiList, useApiMutation } from '../../api/queries.ts';
import { Confirm } from '../../parts/confirm.tsx';
import { CreateSecretButton } from '../../parts/create-secret-button.tsx';
import { DialogForm } from '../../parts/dialog-form.tsx';
import { ExpiryField, expiryAfter } from '../../parts/expiry-field.tsx';
import { NameInput } from '../../parts/name-input.tsx';
import { StateBadge } from '../../parts/outcome-badge.tsx';
import { Nothing, Section } from '../../parts/page.tsx';
import { PagedTable } from '../../parts/paged-table.tsx';
import classes from '../../parts/parts.module.css';
import { ProblemAlert } from '../../parts/problem-alert.tsx';
import { DangerItem, RowMenu } from '../../parts/row-menu.tsx';
import { SecretOnce } from '../../parts/secret-once.tsx';
import { actionsColumn, type Column } from '../../parts/table.tsx';
import { Time, TimeOr } from '../../parts/time.tsx';
import { type Asked, useAsked } from '../../parts/use-asked.ts';

/** The name without its owner, as the API takes it. */
const shortName = (robot: Robot): string => robot.name.slice(robot.name.indexOf('+') + 1);

export function RobotList({ owner, title }: { owner: string; title: string }) {
  const robots = useInfiniteQuery(apiList('robots.list', { params: { owner } }));
  const rotating = useAsked<Robot>();
  const ending = useAsked<Robot>();
  const rotated = useAsked<RobotSecret>();
  const enable = useApiMutation('robots.enable', ['robots.list']);
  const disable = useApiMutation('robots.disable', ['robots.list']);
  const paramsOf = (robot: Robot) => ({ params: { owner, robot: shortName(robot) } });
  const actions = actionsColumn<Robot>((robot) => (
    <RowMenu label={`Actions for ${robot.name}`}>
      <Menu.Item onClick={() => rotating.ask(robot)}>New token</Menu.Item>
      <Menu.Item onClick={() => (robot.disabled ? enable : disable).mutate(paramsOf(robot))}>
        {robot.disabled ? 'Enable' : 'Disable'}
      </Menu.Item>
      <Menu.Divider />
      <DangerItem onClick={() => ending.ask(robot)}>Delete</DangerItem>
    </RowMenu>
  ));
  return (
    <Section
      title={title}
      actions={
        <CreateSecretButton<RobotSecret> label="New robot" titleOf={secretTitle} hint={secretHint}>
          {(form) => <CreateForm owner={owner} {...form} />}
        </CreateSecretButton>
      }
    >
      <ProblemAlert error={enable.error ?? disable.error} />
      <PagedTable
        label={title}
        query={robots}
        columns={[...columns, actions]}
        rowId={({ id }) => id}
        empty={
          <Nothing title="No robots">
            A robot is an account for a machine: it signs in with a token and holds only the roles you grant
            it.
          </Nothing>
        }
      />
      <Rotate key={rotating.turn} owner={owner} asked={rotating} onRotated={rotated.ask} />
      <Delete owner={owner} asked={ending} />
      <SecretOnce
        opened={rotated.opened}
        title={rotated.item ? secretTitle(rotated.item) : ''}
        secret={rotated.item?.secret ?? ''}
        onDone={() => {
          rotated.hide();
          rotating.giveFocusBack();
        }}
      >
        {rotated.item && secretHint(rotated.item)}
      </SecretOnce>
    </Section>
  );
}

const secretTitle = ({ robot }: RobotSecret): string => `Token of ${robot.name}`;
const secretHint = ({ robot }: RobotSecret) => (
  <>
    Sign in with the user name <Code>{robot.name}</Code> and this token as the password.
  </>
);

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

type CreateProps = { owner: string; onClose: () => void; onCreated: (made: RobotSecret) => void };

function CreateForm({ owner, onClose, onCreated }: CreateProps) {
  const create = useApiMutation('robots.create', ['robots.list']);
  const [expiresAt, setExpiresAt] = useState<string | undefined>();
  return (
    <DialogForm
      action="Create robot"
      change={create}
      onClose={onClose}
      onSubmit={({ textOf }) => {
        const description = textOf('description');
        const body = {
          name: textOf('name') ?? '',
          ...(description && { description }),
          ...(expiresAt !== undefined && { expiresAt }),
        };
        create.mutate({ params: { owner }, body }, { onSuccess: onCreated });
      }}
    >
      <NameInput label="Name" description={`It signs in as ${owner}+name`} data-autofocus />
      <TextInput name="description" label="Description (optional)" maxLength={500} />
      <ExpiryField label="Its token ends after" initial="never" onChange={setExpiresAt} />
    </DialogForm>
  );
}

type ChangeProps = { owner: string; asked: Asked<Robot> };

function Rotate({ owner, asked, onRotated }: ChangeProps & { onRotated: (made: RobotSecret) => void }) {
  const rotate = useApiMutation('robots.rotate', ['robots.list']);
  const [expiresAt, setExpiresAt] = useState<string | undefined>(() => expiryAfter(90));
  const { item: robot, opened, close, hide } = asked;
  const confirm = (): void => {
    if (robot === undefined) return;
    const params = { owner, robot: shortName(robot) };
    const onSuccess = (made: RobotSecret): void => {
      hide();
      onRotated(made);
    };
    rotate.mutate({ params, body: expiresAt === undefined ? {} : { expiresAt } }, { onSuccess });
  };
  return (
    <Confirm
      opened={opened}
      title={`New token for ${robot?.name ?? ''}`}
      action="Make a new token"
      change={rotate}
      onClose={close}
      onConfirm={confirm}
    >
      <Stack gap="sm">
        <div>The present token stops at once; whatever uses it is refused until it has the new one.</div>
        <ExpiryField label="The new token ends after" initial="90" onChange={setExpiresAt} />
      </Stack>
    </Confirm>
  );
}

function Delete({ owner, asked: { item: robot, opened, close } }: ChangeProps) {
  const remove = useApiMutation('robots.delete', ['robots.list']);
  return (
    <Confirm
      opened={opened}
      title={`Delete ${robot?.name ?? ''}?`}
      action="Delete"
      danger
      change={remove}
      onClose={close}
      onConfirm={() =>
        robot && remove.mutate({ params: { owner, robot: shortName(robot) } }, { onSuccess: close })
      }
    >
      Its token stops at once and its roles are gone. What it did stays on the trail.
    </Confirm>
  );
}
