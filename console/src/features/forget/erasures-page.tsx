/** Erasures: each begins with a preview, and waits for somebody to confirm it. */
import { SegmentedControl, TextInput } from '@mantine/core';
import { type ApiBody, type Erasure, erasureKinds } from '@tallyman/contract';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { apiList, useApiMutation } from '../../api/queries.ts';
import { CreateButton } from '../../parts/create-button.tsx';
import { DialogForm } from '../../parts/dialog-form.tsx';
import { TextLink } from '../../parts/links.tsx';
import { Nothing, Page } from '../../parts/page.tsx';
import { PagedTable } from '../../parts/paged-table.tsx';
import classes from '../../parts/parts.module.css';
import type { Column } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { ErasureState } from './erasure-page.tsx';
import { countsText, erasureKindTexts } from './forget-words.ts';

export function ErasuresPage() {
  const erasures = useInfiniteQuery(apiList('erasures.list', {}));
  return (
    <Page
      title="Erasure"
      place="Administration"
      lead="Removes from the trail what identifies one person or address. The events stay, their hashes and every proof too; only what was erased is gone."
      actions={
        <CreateButton label="New preview" size="lg">
          {(close) => <PreviewForm onClose={close} />}
        </CreateButton>
      }
    >
      <PagedTable
        label="Erasures"
        query={erasures}
        columns={columns}
        rowId={({ id }) => id}
        empty={
          <Nothing title="Nothing was erased">
            A preview finds out what an erasure would remove, and removes nothing.
          </Nothing>
        }
      />
    </Page>
  );
}

const columns: Column<Erasure>[] = [
  {
    id: 'whom',
    header: 'Of whom',
    cell: ({ id, kind, userId }) => (
      <>
        <TextLink to="/administration/erasure/$erasure" params={{ erasure: id }} className={classes.strong}>
          {erasureKindTexts[kind]}
        </TextLink>
        <div className={classes.mono}>{userId ?? 'not kept: it would identify whom it was about'}</div>
      </>
    ),
  },
  { id: 'state', header: 'State', cell: (erasure) => <ErasureState erasure={erasure} /> },
  {
    id: 'found',
    header: 'Found',
    hideBelow: 'narrow',
    cell: ({ found }) =>
      found === null ? <span className={classes.dim}>not known</span> : countsText(found),
  },
  {
    id: 'asked',
    header: 'Asked for',
    hideBelow: 'medium',
    cell: ({ requestedAt }) => <Time at={requestedAt} />,
  },
];

type Kind = Erasure['kind'];

const fields: Record<Kind, { label: string; hint: string }> = {
  user: {
    label: 'Id of the user',
    hint: 'Delete the account first; the event of its deletion (account.user.delete) has the id',
  },
  name: { label: 'Name', hint: 'What somebody typed: a user name that does not exist, an e-mail address' },
  address: { label: 'Address', hint: 'An IPv4 or IPv6 address' },
};

function bodyOf(kind: Kind, value: string): ApiBody<'erasures.create'> {
  if (kind === 'user') return { kind, id: value };
  return kind === 'name' ? { kind, name: value } : { kind, address: value };
}

function PreviewForm({ onClose }: { onClose: () => void }) {
  const navigate = useNavigate();
  const create = useApiMutation('erasures.create', ['erasures.list']);
  const [kind, setKind] = useState<Kind>('user');
  return (
    <DialogForm
      action="Preview"
      change={create}
      onClose={onClose}
      onSubmit={({ textOf }) =>
        create.mutate(
          { body: bodyOf(kind, textOf('subject') ?? '') },
          {
            onSuccess: ({ id }) =>
              void navigate({ to: '/administration/erasure/$erasure', params: { erasure: id } }),
          },
        )
      }
    >
      <SegmentedControl
        aria-label="Of whom"
        value={kind}
        onChange={(value) => setKind(value as Kind)}
        data={erasureKinds.map((value) => ({ value, label: erasureKindTexts[value] }))}
      />
      <TextInput
        key={kind}
        name="subject"
        label={fields[kind].label}
        description={fields[kind].hint}
        required
        withAsterisk={false}
        maxLength={254}
        autoCapitalize="none"
        spellCheck={false}
        autoComplete="off"
        data-autofocus
      />
      <div className={classes.under}>
        It looks through the whole trail and removes nothing. What is typed here is not recorded on the trail.
      </div>
    </DialogForm>
  );
}
