/** The form that makes an access token or an app token. */
import { Button, Group, Modal, Radio, Stack, TextInput } from '@mantine/core';
import type { ApiResponse, Token, TokenScope } from '@tallyman/contract';
import { type FormEvent, useState } from 'react';
import { useApiMutation } from '../../api/queries.ts';
import { ExpiryField, expiryAfter } from '../../parts/expiry-field.tsx';
import { ProblemAlert } from '../../parts/problem-alert.tsx';
import { ScopePicker } from '../../parts/scope-picker.tsx';
import { isAdministrator, useMe } from '../session/use-me.ts';

type Created = ApiResponse<'me.tokens.create'>;
type Props = { opened: boolean; onClose: () => void; onCreated: (created: Created) => void };

export function CreateToken({ opened, onClose, onCreated }: Props) {
  return (
    <Modal opened={opened} onClose={onClose} title="New token" size="lg">
      {opened && <Form onClose={onClose} onCreated={onCreated} />}
    </Modal>
  );
}

function Form({ onClose, onCreated }: Omit<Props, 'opened'>) {
  const me = useMe();
  const create = useApiMutation('me.tokens.create', ['me.tokens.list']);
  const [kind, setKind] = useState<Token['kind']>('access_token');
  const [scopes, setScopes] = useState<TokenScope[]>(['project:read']);
  const [expiresAt, setExpiresAt] = useState<string | undefined>(() => expiryAfter(30));
  const [unscoped, setUnscoped] = useState(false);
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    setUnscoped(scopes.length === 0);
    if (scopes.length === 0) return;
    const name = String(new FormData(event.currentTarget).get('name'));
    create.mutate(
      { body: { kind, name, scopes, ...(expiresAt && { expiresAt }) } },
      { onSuccess: onCreated },
    );
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        <TextInput
          name="name"
          label="Name"
          description="What it is for: it stands in every event made with it"
          required
          withAsterisk={false}
          maxLength={100}
          data-autofocus
        />
        <Radio.Group label="Kind" value={kind} onChange={(value) => setKind(value as Token['kind'])}>
          <Stack gap={6} mt={6}>
            <Radio
              value="access_token"
              label="Access token, for the API and as a password with your own user name"
            />
            <Radio value="app_token" label="App token, for container clients that sign in as $app" />
          </Stack>
        </Radio.Group>
        <ScopePicker
          value={scopes}
          onChange={setScopes}
          leftOut={isAdministrator(me) ? [] : ['admin']}
          error={unscoped && scopes.length === 0 ? 'Choose at least one scope' : undefined}
        />
        <ExpiryField label="Ends after" initial="30" onChange={setExpiresAt} />
        <ProblemAlert error={create.error} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={create.isPending}>
            Create token
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
