/** Locking one tag by hand, and unlocking it: each asks first, and says what it means. */
import { Text, Textarea } from '@mantine/core';
import type { Tag, WhyImmutable } from '@tallyman/contract';
import { useApiMutation } from '../../api/queries.ts';
import { DialogForm } from '../../parts/dialog-form.tsx';
import { Time } from '../../parts/time.tsx';
import { ReasonField } from './reason-field.tsx';

export const lockTouched = ['tags.list', 'tags.get', 'tags.immutability'] as const;

type Props = { path: string; tag: Tag; onClose: () => void };

export function LockTag({ path, tag, onClose }: Props) {
  const lock = useApiMutation('tags.lock', lockTouched);
  return (
    <DialogForm
      action="Lock"
      change={lock}
      onClose={onClose}
      onSubmit={({ textOf }) => {
        const note = textOf('note');
        lock.mutate(
          {
            params: { format: 'container', path, tag: tag.name },
            body: note === undefined ? {} : { note },
          },
          { onSuccess: onClose },
        );
      }}
    >
      <Text size="sm">
        {tag.immutable === 'policy'
          ? 'A policy locked it. Locked by hand it stays so, also when the policy goes and its locks are released.'
          : 'It can then not be moved, deleted or given an end, until an owner of the project unlocks it.'}
        {tag.expiresAt !== null && (
          <>
            {' '}
            Its end, <Time at={tag.expiresAt} />, is taken away: a locked tag has none.
          </>
        )}
      </Text>
      <Textarea
        name="note"
        label="Note (optional)"
        description="Why; it stands in the event"
        maxLength={500}
        autosize
        minRows={2}
        maxRows={6}
        data-autofocus
      />
    </DialogForm>
  );
}

type UnlockProps = Props & { why: Pick<WhyImmutable, 'trigger'> };

export function UnlockTag({ path, tag, why, onClose }: UnlockProps) {
  const unlock = useApiMutation('tags.unlock', lockTouched);
  return (
    <DialogForm
      action="Unlock"
      danger
      change={unlock}
      onClose={onClose}
      onSubmit={({ textOf }) =>
        unlock.mutate(
          {
            params: { format: 'container', path, tag: tag.name },
            body: { reason: textOf('reason') ?? '' },
          },
          { onSuccess: onClose },
        )
      }
    >
      <Text size="sm">
        Whoever may push can move and delete it then.
        {why.trigger === 'policy' &&
          ' Policies leave it alone until it is moved, or until one of them is changed or made anew.'}
      </Text>
      <ReasonField label="Why it is unlocked" description="Stands in the event" data-autofocus />
    </DialogForm>
  );
}
