/** What owners do with a policy: change it, delete it, release what it left locked. */
import { Menu, Modal } from '@mantine/core';
import type { Policy } from '@tallyman/contract';
import { useState } from 'react';
import { DialogForm } from '../../parts/dialog-form.tsx';
import { Waiting } from '../../parts/paged-table.tsx';
import { ProblemAlert } from '../../parts/problem-alert.tsx';
import { DangerItem, RowMenu } from '../../parts/row-menu.tsx';
import { PolicyForm } from './policy-form.tsx';
import { leftBehind, tagsText } from './policy-words.ts';
import { Release } from './release.tsx';
import { type PolicyPlace, placeText, usePolicy, usePolicyChanges } from './use-policies.ts';

export type PolicyActKind = 'change' | 'delete' | 'release';
export type PolicyAct = { place: PolicyPlace; policy: Policy; what: PolicyActKind };
type Props = PolicyAct & { onClose: () => void; onDeleted: (policy: Policy) => void };

export function PolicyMenu({ policy, onAct }: { policy: Policy; onAct: (what: PolicyActKind) => void }) {
  return (
    <RowMenu label={`Actions for ${policy.pattern}`}>
      <Menu.Item onClick={() => onAct('change')}>Change</Menu.Item>
      {leftBehind(policy) > 0 && (
        <Menu.Item onClick={() => onAct('release')}>Release what it left locked</Menu.Item>
      )}
      <DangerItem onClick={() => onAct('delete')}>Delete</DangerItem>
    </RowMenu>
  );
}

/** `act` undefined: nothing was asked for yet. */
export function PolicyDialog({
  act,
  opened,
  onClose,
}: {
  act: PolicyAct | undefined;
  opened: boolean;
  onClose: () => void;
}) {
  // Then, as a second act, what it held can be released.
  const [deleted, setDeleted] = useState<Policy>();
  const present = deleted && act ? ({ ...act, what: 'release', policy: deleted } as const) : act;
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      size="lg"
      title={present && titles[present.what](present.policy.pattern)}
    >
      {opened && present && <Act {...present} onClose={onClose} onDeleted={setDeleted} />}
    </Modal>
  );
}

const titles: Record<PolicyActKind, (pattern: string) => string> = {
  change: (pattern) => `Change the policy ${pattern}`,
  delete: (pattern) => `Delete the policy ${pattern}?`,
  release: (pattern) => `Release what the policy ${pattern} holds?`,
};

function Act({ what, onDeleted, ...props }: Props) {
  if (what === 'change') return <PolicyForm {...props} />;
  return what === 'release' ? <Release {...props} /> : <Delete {...props} onDeleted={onDeleted} />;
}

function Delete({ place, policy, onClose, onDeleted }: Omit<Props, 'what'>) {
  const { remove } = usePolicyChanges(place);
  const query = usePolicy(place, policy.id);
  if (query.data === undefined)
    return query.error ? <ProblemAlert error={query.error} retry={query.refetch} /> : <Waiting />;
  const { holds } = query.data;
  return (
    <DialogForm
      action="Delete policy"
      danger
      focusAction
      change={remove}
      onClose={onClose}
      onSubmit={() =>
        remove.ask(policy.id, {
          onSuccess: () =>
            holds.tags === 0 ? onClose() : onDeleted({ ...policy, deletedAt: new Date().toISOString() }),
        })
      }
    >
      <div>
        It locks no further tags in {placeText(place)}.{' '}
        {holds.tags === 0 ? (
          'It holds none at present.'
        ) : (
          <>
            <b>
              {holds.complete ? '' : 'More than '}
              {tagsText(holds.tags)}
            </b>{' '}
            that it locked {holds.tags === 1 ? 'stays' : 'stay'} locked, unless you release them in the next
            step.
          </>
        )}
      </div>
    </DialogForm>
  );
}
