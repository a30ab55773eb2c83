/** What a new token is asked for, whoever may act with it: name, scopes, end. */
import { TextInput } from '@mantine/core';
import type { TokenScope } from '@tallyman/contract';
import { type ReactNode, useState } from 'react';
import { DialogForm } from '../../parts/dialog-form.tsx';
import { ExpiryField, expiryAfter } from '../../parts/expiry-field.tsx';
import { ScopePicker } from '../../parts/scope-picker.tsx';
import { isAdministrator, useMe } from '../session/use-me.ts';

export type NewToken = { name: string; scopes: TokenScope[]; expiresAt?: string };

type Props = {
  action: string;
  /** How long it lasts unless something else is chosen. */
  days: 30 | 90;
  change: { isPending: boolean; error: unknown };
  onCreate: (token: NewToken) => void;
  onClose: () => void;
  /** What is particular to this kind of token. */
  children?: ReactNode;
};

export function TokenForm({ action, days, change, onCreate, onClose, children }: Props) {
  const me = useMe();
  const [scopes, setScopes] = useState<TokenScope[]>(['project:read']);
  const [expiresAt, setExpiresAt] = useState<string | undefined>(() => expiryAfter(days));
  const [unscoped, setUnscoped] = useState(false);
  return (
    <DialogForm
      action={action}
      change={change}
      onClose={onClose}
      onSubmit={({ textOf }) => {
        setUnscoped(scopes.length === 0);
        if (scopes.length > 0)
          onCreate({ name: textOf('name') ?? '', scopes, ...(expiresAt && { expiresAt }) });
      }}
    >
      <TextInput
        name="name"
        label="Name"
        description="What it is for: it stands in every event made with it"
        required
        withAsterisk={false}
        maxLength={100}
        data-autofocus
      />
      {children}
      <ScopePicker
        value={scopes}
        onChange={setScopes}
        leftOut={isAdministrator(me) ? [] : ['admin']}
        error={unscoped && scopes.length === 0 ? 'Choose at least one scope' : undefined}
      />
      <ExpiryField label="Ends after" initial={String(days)} onChange={setExpiresAt} />
    </DialogForm>
  );
}
