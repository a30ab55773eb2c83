/** First run: whoever can read the server's output creates the first administrator. */
import { Button, Code, PasswordInput, Stack, TextInput } from '@mantine/core';
import type { ApiBody } from '@tallyman/contract';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { callApi, setCsrfToken } from '../../api/client.ts';
import { isApiError } from '../../api/problem.ts';
import { apiQuery, sessionQuery } from '../../api/queries.ts';
import { ProblemAlert } from '../../parts/problem-alert.tsx';
import { Outside } from '../session/outside.tsx';

export function SetupPage() {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [mismatch, setMismatch] = useState(false);
  const setup = useMutation({
    mutationFn: (body: ApiBody<'setup.create'>) => callApi('setup.create', { body }),
    onSuccess: (session) => {
      client.clear();
      setCsrfToken(session.csrfToken);
      client.setQueryData(sessionQuery.queryKey, session);
      client.setQueryData(apiQuery('setup.get', {}).queryKey, { needed: false });
      void navigate({ to: '/administration/trail' });
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string): string => String(form.get(name) ?? '').trim();
    const password = String(form.get('password'));
    const same = password === String(form.get('again'));
    setMismatch(!same);
    if (!same) return;
    const email = text('email');
    setup.mutate({
      code: text('code'),
      username: text('username'),
      password,
      ...(email !== '' && { email }),
    });
  };
  const field = isApiError(setup.error) ? setup.error.problem.field : undefined;
  return (
    <Outside
      title="Create the first administrator"
      lead={
        <>
          This server has nobody yet. When it started, it printed a one-time code; look at the output of{' '}
          <Code>npm start</Code> or at the log.
        </>
      }
    >
      <form onSubmit={submit}>
        <Stack gap="md">
          <ProblemAlert error={setup.error} />
          <TextInput
            name="code"
            label="One-time code"
            autoComplete="off"
            spellCheck={false}
            required
            withAsterisk={false}
            autoFocus
            maxLength={128}
            error={field === 'code'}
            size="md"
          />
          <TextInput
            name="username"
            label="User name"
            description="Lower-case letters and digits; it is also your namespace"
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            required
            withAsterisk={false}
            maxLength={64}
            error={field === 'username'}
            size="md"
          />
          <TextInput
            name="email"
            type="email"
            label="E-mail (optional)"
            autoComplete="email"
            maxLength={254}
            error={field === 'email'}
            size="md"
          />
          <PasswordInput
            name="password"
            label="Password"
            autoComplete="new-password"
            required
            withAsterisk={false}
            maxLength={1024}
            error={field === 'password'}
            size="md"
          />
          <PasswordInput
            name="again"
            label="Password once more"
            autoComplete="new-password"
            required
            withAsterisk={false}
            maxLength={1024}
            error={mismatch && 'The two passwords differ'}
            size="md"
          />
          <Button type="submit" size="md" loading={setup.isPending} fullWidth>
            Create and sign in
          </Button>
        </Stack>
      </form>
    </Outside>
  );
}
