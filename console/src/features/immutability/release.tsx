/**
 * Unlocking what a deleted or narrowed policy alone had locked: an act of its own, with a reason, after which its run is
 * followed to the end.
 */
import { Button, Group, Stack, Text } from '@mantine/core';
import type { Policy } from '@tallyman/contract';
import { useEffect, useRef } from 'react';
import { DialogForm } from '../../parts/dialog-form.tsx';
import { Waiting } from '../../parts/paged-table.tsx';
import { ProblemAlert } from '../../parts/problem-alert.tsx';
import { leftBehind, tagsText } from './policy-words.ts';
import { ReasonField } from './reason-field.tsx';
import { RunState } from './run-state.tsx';
import { type PolicyPlace, usePolicy, usePolicyChanges } from './use-policies.ts';

type Props = { place: PolicyPlace; policy: Policy; onClose: () => void };

export function Release({ place, policy, onClose }: Props) {
  const { release } = usePolicyChanges(place);
  const query = usePolicy(place, policy.id);
  const reason = useRef<HTMLTextAreaElement>(null);
  const waiting = query.data === undefined;
  useEffect(() => {
    // Where it follows another question, the focus was on that one’s button.
    if (!waiting) reason.current?.focus();
  }, [waiting]);
  if (release.isSuccess) return <Released {...{ place, policy, onClose }} />;
  if (query.data === undefined)
    return query.error ? <ProblemAlert error={query.error} retry={query.refetch} /> : <Waiting />;
  const held = heldText(query.data);
  if (held === undefined)
    return (
      <Stack gap="md">
        <Text size="sm">It holds no tag that it does not call for: there is nothing to release.</Text>
        <Group justify="flex-end">
          <Button onClick={onClose}>Done</Button>
        </Group>
      </Stack>
    );
  return (
    <DialogForm
      action={`Release ${held}`}
      cancel="Leave them locked"
      danger
      change={release}
      onClose={onClose}
      onSubmit={({ textOf }) => release.ask(policy.id, textOf('reason') ?? '', {})}
    >
      <Text size="sm">
        The policy {policy.deletedAt === null ? 'no longer calls for' : 'was deleted, but still holds'}{' '}
        <b>{held}</b>. Released, they can be moved and deleted again. Those that another policy calls for stay
        locked and are handed over to that one; what a person locked stays as it is.
      </Text>
      <ReasonField
        ref={reason}
        label="Why they are released"
        description="Stands in the event of the release, and in that of every tag"
      />
    </DialogForm>
  );
}

/** Of a deleted one all that it holds; of a living one what its run found that it no longer calls for. */
function heldText(policy: Policy & { holds: { tags: number; complete: boolean } }): string | undefined {
  const { deletedAt, holds } = policy;
  const tags = deletedAt === null ? leftBehind(policy) : holds.tags;
  if (tags === 0) return undefined;
  return deletedAt === null || holds.complete ? tagsText(tags) : `more than ${tagsText(tags)}`;
}

function Released({ place, policy, onClose }: Props) {
  const query = usePolicy(place, policy.id);
  const done = useRef<HTMLButtonElement>(null);
  useEffect(() => done.current?.focus(), []);
  return (
    <Stack gap="md">
      <ProblemAlert error={query.error} retry={query.refetch} />
      {query.data?.run?.what === 'release' ? <RunState run={query.data.run} told /> : <Waiting />}
      <Text size="xs" c="dimmed">
        It goes on when this is closed. Every tag has an event of its own, and the whole has one when it is
        done.
      </Text>
      <Group justify="flex-end">
        <Button ref={done} onClick={onClose}>
          Done
        </Button>
      </Group>
    </Stack>
  );
}
