/** Legal holds: what retention and erasure must leave alone. */
import { Button, SegmentedControl, Textarea, TextInput } from '@mantine/core';
import type { Hold } from '@tallyman/contract';
import { useInfiniteQuery, useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { callApi } from '../../api/client.ts';
import { apiList, useApiMutation } from '../../api/queries.ts';
import { Confirm } from '../../parts/confirm.tsx';
import { CreateButton } from '../../parts/create-button.tsx';
import { DialogForm } from '../../parts/dialog-form.tsx';
import { TextLink } from '../../parts/links.tsx';
import { Nothing, Section } from '../../parts/page.tsx';
import { PagedTable } from '../../parts/paged-table.tsx';
import classes from '../../parts/parts.module.css';
import { actionsColumn, type Column } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { useAsked } from '../../parts/use-asked.ts';
import { holdKindTexts, isId } from './forget-words.ts';

export function Holds() {
  const holds = useInfiniteQuery(apiList('holds.list', {}));
  const lift = useApiMutation('holds.delete', ['holds.list', 'erasures.get', 'erasures.list']);
  const lifting = useAsked<Hold>();
  const actions = actionsColumn<Hold>((hold) => (
    <div className={classes.rowActions}>
      <Button
        size="compact-xs"
        variant="default"
        aria-label={`Lift the hold on ${nameOf(hold)}`}
        onClick={() => lifting.ask(hold)}
      >
        Lift
      </Button>
    </div>
  ));
  return (
    <Section
      title="Legal holds"
      lead="Of what a hold stands on, retention drops nothing and nothing is erased: what happened there, and what was done by, for or about a user. It outlives renames and deletions."
      actions={<CreateButton label="Place a hold">{(close) => <PlaceForm onClose={close} />}</CreateButton>}
    >
      <PagedTable
        label="Legal holds"
        query={holds}
        columns={[...columns, actions]}
        rowId={({ id }) => id}
        empty={<Nothing title="No hold stands">Retention and erasure take their course.</Nothing>}
      />
      <Confirm
        opened={lifting.opened}
        title={lifting.item ? `Lift the hold on ${nameOf(lifting.item)}?` : ''}
        action="Lift the hold"
        danger
        change={lift}
        onClose={lifting.close}
        onConfirm={() =>
          lifting.item && lift.mutate({ params: { hold: lifting.item.id } }, { onSuccess: lifting.close })
        }
      >
        Retention then drops what is past its time, at its next run, and erasures can be confirmed. Unless
        another hold stands on the same.
      </Confirm>
    </Section>
  );
}

const nameOf = ({ subjectName, subjectId }: Hold): string => subjectName ?? subjectId;

const columns: Column<Hold>[] = [
  {
    id: 'on',
    header: 'Stands on',
    cell: (hold) => (
      <>
        <span className={classes.strong}>{nameOf(hold)}</span>
        <div className={classes.under}>{holdKindTexts[hold.kind]}</div>
      </>
    ),
  },
  { id: 'note', header: 'Why', cell: ({ note }) => note },
  {
    id: 'placed',
    header: 'Placed',
    hideBelow: 'narrow',
    cell: ({ placedAt, eventId }) => (
      <TextLink to="/events/$event" params={{ event: eventId }}>
        <Time at={placedAt} />
      </TextLink>
    ),
  },
];

const kinds = (['namespace', 'project', 'user'] as const).map((value) => ({
  value,
  label: holdKindTexts[value],
}));
const hints: Record<Hold['kind'], string> = {
  namespace: 'Name of the user or organisation; of a deleted one its id',
  project: 'Path, namespace/name; of a deleted one its id',
  user: 'User name; of a deleted user the id, which the event of the deletion has',
};

function PlaceForm({ onClose }: { onClose: () => void }) {
  const create = useApiMutation('holds.create', ['holds.list']);
  const [kind, setKind] = useState<Hold['kind']>('namespace');
  const place = useMutation({
    meta: { inSession: true },
    mutationFn: async ({ subject, note }: { subject: string; note: string }) =>
      create.mutateAsync({ body: { kind, id: await findId(kind, subject), note } }),
    onSuccess: onClose,
  });
  return (
    <DialogForm
      action="Place the hold"
      change={place}
      onClose={onClose}
      onSubmit={({ textOf }) =>
        place.mutate({ subject: textOf('subject') ?? '', note: textOf('note') ?? '' })
      }
    >
      <SegmentedControl
        aria-label="Kind"
        value={kind}
        onChange={(value) => setKind(value as Hold['kind'])}
        data={kinds}
      />
      <TextInput
        name="subject"
        label={holdKindTexts[kind]}
        description={hints[kind]}
        required
        withAsterisk={false}
        maxLength={255}
        autoCapitalize="none"
        spellCheck={false}
        autoComplete="off"
        data-autofocus
      />
      <Textarea
        name="note"
        label="Why"
        description="The case, the order; stands in the event"
        required
        withAsterisk={false}
        maxLength={500}
        autosize
        minRows={2}
        maxRows={6}
      />
    </DialogForm>
  );
}

/** The API takes ids: they outlive names. */
async function findId(kind: Hold['kind'], subject: string): Promise<string> {
  if (isId(subject)) return subject;
  if (kind === 'namespace') return (await callApi('namespaces.get', { params: { namespace: subject } })).id;
  if (kind === 'user') return (await callApi('users.get', { params: { user: subject } })).id;
  return (await callApi('projects.get', { params: { format: 'container', path: subject } })).id;
}
