/** The form that makes an access token or an app token. */
import { Radio, Stack } from '@mantine/core';
import type { Token, TokenCreated } from '@tallyman/contract';
import { useState } from 'react';
import { useApiMutation } from '../../api/queries.ts';
import { TokenForm } from './token-form.tsx';

type Props = { onClose: () => void; onCreated: (created: TokenCreated) => void };

export function OwnTokenForm({ onClose, onCreated }: Props) {
  const create = useApiMutation('me.tokens.create', ['me.tokens.list']);
  const [kind, setKind] = useState<Token['kind']>('access_token');
  return (
    <TokenForm
      action="Create token"
      days={30}
      change={create}
      onCreate={(token) => create.mutate({ body: { kind, ...token } }, { onSuccess: onCreated })}
      onClose={onClose}
    >
      <Radio.Group label="Kind" value={kind} onChange={(value) => setKind(value as Token['kind'])}>
        <Stack gap={6} mt={6}>
          <Radio
            value="access_token"
            label="Access token, for the API and as a password with your own user name"
          />
          <Radio value="app_token" label="App token, for container clients that sign in as $app" />
        </Stack>
      </Radio.Group>
    </TokenForm>
  );
}
