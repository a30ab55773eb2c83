/** Name and password for a session. A refusal says what the server says; wrong and unknown look the same there. */
import { Button, PasswordInput, Stack, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useRouter, useSearch } from '@tanstack/react-router';
import { type FormEvent, useRef } from 'react';
import { callApi, setCsrfToken } from '../../api/client.ts';
import { isApiError } from '../../api/problem.ts';
import { sessionQuery } from '../../api/queries.ts';
import { ProblemAlert } from '../../parts/problem-alert.tsx';
import { Outside } from './outside.tsx';

export function SignInPage() {
  const { next } = useSearch({ from: '/sign-in' });
  const client = useQueryClient();
  const router = useRouter();
  const password = useRef<HTMLInputElement>(null);
  const signIn = useMutation({
    mutationFn: (body: { username: string; password: string }) => callApi('session.create', { body }),
    onSuccess: (session) => {
      client.clear();
      setCsrfToken(session.csrfToken);
      client.setQueryData(sessionQuery.queryKey, session);
      router.history.push(next ?? '/trail');
    },
    onError: () => {
      password.current?.focus();
      password.current?.select();
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    signIn.mutate({ username: String(form.get('username')).trim(), password: String(form.get('password')) });
  };
  return (
    <Outside title="Sign in" lead="Every sign-in, and every refused one, is recorded.">
      <form onSubmit={submit}>
        <Stack gap="md">
          <ProblemAlert error={signIn.error} title={refusedTitle(signIn.error)} />
          <TextInput
            name="username"
            label="User name"
            autoComplete="username"
            autoCapitalize="none"
            spellCheck={false}
            required
            withAsterisk={false}
            autoFocus
            maxLength={256}
            size="md"
          />
          <PasswordInput
            ref={password}
            name="password"
            label="Password"
            autoComplete="current-password"
            required
            withAsterisk={false}
            maxLength={1024}
            size="md"
          />
          <Button type="submit" size="md" loading={signIn.isPending} fullWidth>
            Sign in
          </Button>
        </Stack>
      </form>
    </Outside>
  );
}

function refusedTitle(error: unknown): string {
  if (isApiError(error, 'rate_limited')) return 'Too many attempts';
  if (isApiError(error, 'unauthenticated') || isApiError(error, 'forbidden')) return 'Not signed in';
  return 'That did not work';
}
