/** What can be done with a tag: point another one to the same manifest, let it expire, delete it. */
import { Modal, TextInput } from '@mantine/core';
import type { Tag } from '@tallyman/contract';
import { useState } from 'react';
import { useApiMutation } from '../../api/queries.ts';
import { Confirm } from '../../parts/confirm.tsx';
import { fromLocalField, toLocalField } from '../../parts/time-text.ts';
import { explainImmutable } from '../immutability/refused.tsx';
import { LockTag } from '../immutability/tag-lock.tsx';

export type TagWhat = 'point' | 'expire' | 'delete' | 'lock';
type Props = { path: string; tag: Tag; opened: boolean; onClose: () => void };

const changed = ['tags.list', 'tags.get', 'tags.history', 'tags.immutability'] as const;

export function TagChange({ what, ...props }: Props & { what: TagWhat }) {
  if (what === 'point') return <Point {...props} />;
  if (what === 'lock') return <Lock {...props} />;
  return what === 'expire' ? <Expire {...props} /> : <Delete {...props} />;
}

function Lock({ path, tag, opened, onClose }: Props) {
  return (
    <Modal opened={opened} onClose={onClose} title={`Lock ${tag.name}?`}>
      {opened && <LockTag path={path} tag={tag} onClose={onClose} />}
    </Modal>
  );
}

function Point({ path, tag, opened, onClose }: Props) {
  const put = useApiMutation('tags.put', changed);
  const [name, setName] = useState('');
  return (
    <Confirm
      opened={opened}
      title={`Point another tag to where ${tag.name} points`}
      action="Point it"
      change={put}
      onClose={onClose}
      explain={explainImmutable(path, onClose)}
      onConfirm={() =>
        put.mutate(
          { params: { format: 'container', path, tag: name.trim() }, body: { digest: tag.digest } },
          { onSuccess: onClose },
        )
      }
    >
      A tag of that name which exists already is moved.
      <TextInput
        label="Tag"
        mt="sm"
        required
        withAsterisk={false}
        maxLength={128}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        data-autofocus
      />
    </Confirm>
  );
}

function Expire({ path, tag, opened, onClose }: Props) {
  const put = useApiMutation('tags.put_expiry', changed);
  const [at, setAt] = useState(toLocalField(tag.expiresAt ?? undefined));
  return (
    <Confirm
      opened={opened}
      title={`When ${tag.name} expires`}
      action={at === '' ? 'Let it never expire' : 'Set expiry'}
      change={put}
      onClose={onClose}
      explain={explainImmutable(path, onClose)}
      onConfirm={() =>
        put.mutate(
          {
            params: { format: 'container', path, tag: tag.name },
            body: { expiresAt: fromLocalField(at) ?? null },
          },
          { onSuccess: onClose },
        )
      }
    >
      The tag is deleted then; its manifest stays for as long as something else points to it.
      <TextInput
        type="datetime-local"
        label="Expires (your time; empty: never)"
        data-autofocus
        mt="sm"
        value={at}
        onChange={(event) => setAt(event.currentTarget.value)}
      />
    </Confirm>
  );
}

function Delete({ path, tag, opened, onClose }: Props) {
  const remove = useApiMutation('tags.delete', changed);
  return (
    <Confirm
      opened={opened}
      title={`Delete the tag ${tag.name}?`}
      action="Delete"
      danger
      change={remove}
      onClose={onClose}
      explain={explainImmutable(path, onClose)}
      onConfirm={() =>
        remove.mutate({ params: { format: 'container', path, tag: tag.name } }, { onSuccess: onClose })
      }
    >
      It can be restored from its history while its manifest is kept.
    </Confirm>
  );
}
