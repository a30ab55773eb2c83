/** The browsers one is signed in with, and one's password and address. */
import { Button, Group, PasswordInput, Stack, TextInput } from '@mantine/core';
import type { AccountSession } from '@tallyman/contract';
import { useInfiniteQuery } from '@tanstack/react-query';
import { type FormEvent, useRef } from 'react';
import { apiList, useApiMutation } from '../../api/queries.ts';
import { StateBadge } from '../../parts/outcome-badge.tsx';
import { Nothing, Page, Section } from '../../parts/page.tsx';
import { PagedTable } from '../../parts/paged-table.tsx';
import classes from '../../parts/parts.module.css';
import { ProblemAlert } from '../../parts/problem-alert.tsx';
import { actionsColumn, type Column } from '../../parts/table.tsx';
import { Time, TimeOr } from '../../parts/time.tsx';
import { agentName } from '../events/agent-name.ts';
import { useMe } from './use-me.ts';

export function SessionsPage() {
  const sessions = useInfiniteQuery(apiList('me.sessions.list', {}));
  const end = useApiMutation('me.sessions.delete', ['me.sessions.list']);
  const endOthers = useApiMutation('me.sessions.delete_others', ['me.sessions.list']);
  const columns: Column<AccountSession>[] = [
    {
      id: 'name',
      header: 'Browser',
      cell: ({ name, current }) => (
        <>
          <span className={classes.strong} title={name}>
            {agentName(name)}
          </span>{' '}
          {current && <StateBadge text="this one" tone="good" />}
          <div className={classes.under} data-hide="narrow">
            {name}
          </div>
        </>
      ),
    },
    {
      id: 'used',
      header: 'Last used',
      cell: ({ lastUsedAt, lastUsedSource }) => (
        <>
          <TimeOr at={lastUsedAt} otherwise="not yet" />
          {lastUsedSource !== null && <div className={classes.under}>{lastUsedSource}</div>}
        </>
      ),
    },
    {
      id: 'since',
      header: 'Signed in',
      hideBelow: 'medium',
      cell: ({ createdAt }) => <Time at={createdAt} />,
    },
    {
      id: 'ends',
      header: 'Ends',
      hideBelow: 'narrow',
      cell: ({ expiresAt }) => <TimeOr at={expiresAt} otherwise="never" />,
    },
    actionsColumn(
      ({ id, name, current }) =>
        !current && (
          <div className={classes.rowActions}>
            <Button
              size="compact-xs"
              variant="default"
              aria-label={`End the session in ${agentName(name) ?? name}`}
              disabled={end.isPending}
              onClick={() => end.mutate({ params: { session: id } })}
            >
              End
            </Button>
          </div>
        ),
    ),
  ];
  return (
    <Page title="Sessions" lead="Where you are signed in to this console, and what you sign in with.">
      <ProblemAlert error={end.error ?? endOthers.error} />
      <Section
        title="Signed in"
        actions={
          <Button variant="default" loading={endOthers.isPending} onClick={() => endOthers.mutate({})}>
            End all others
          </Button>
        }
      >
        <PagedTable
          label="Sessions"
          query={sessions}
          columns={columns}
          rowId={({ id }) => id}
          empty={<Nothing title="No sessions" />}
        />
      </Section>
      <PasswordForm />
      <EmailForm />
    </Page>
  );
}

function PasswordForm() {
  const change = useApiMutation('me.put_password', ['me.sessions.list']);
  const form = useRef<HTMLFormElement>(null);
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const values = new FormData(event.currentTarget);
    change.mutate(
      { body: { current: String(values.get('current')), password: String(values.get('password')) } },
      { onSuccess: () => form.current?.reset() },
    );
  };
  return (
    <Section title="Password" lead="A new one ends your other sessions. Tokens are not touched.">
      <form onSubmit={submit} ref={form}>
        <Stack gap="sm" maw={420}>
          <PasswordInput
            name="current"
            label="Present password"
            autoComplete="current-password"
            required
            withAsterisk={false}
          />
          <PasswordInput
            name="password"
            label="New password"
            autoComplete="new-password"
            required
            withAsterisk={false}
          />
          <ProblemAlert error={change.error} />
          <Group>
            <Button type="submit" variant="default" loading={change.isPending}>
              Change password
            </Button>
            {change.isSuccess && <span role="status">Changed, and recorded.</span>}
          </Group>
        </Stack>
      </form>
    </Section>
  );
}

function EmailForm() {
  const me = useMe();
  const change = useApiMutation('me.put_email', ['me.get']);
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const email = String(new FormData(event.currentTarget).get('email')).trim();
    change.mutate({ body: { email: email === '' ? null : email } });
  };
  return (
    <Section title="E-mail">
      <form onSubmit={submit}>
        <Stack gap="sm" maw={420}>
          <TextInput
            name="email"
            type="email"
            aria-label="E-mail"
            defaultValue={me.email ?? ''}
            placeholder="none"
            autoComplete="email"
            maxLength={254}
          />
          <ProblemAlert error={change.error} />
          <Group>
            <Button type="submit" variant="default" loading={change.isPending}>
              Save
            </Button>
            {change.isSuccess && <span role="status">Saved, and recorded.</span>}
          </Group>
        </Stack>
      </form>
    </Section>
  );
}
