/** One policy: what it locks, who made it so, how far its run has come, what it holds. A deleted one has its page too. */
import { Button } from '@mantine/core';
import type { PolicyInFull } from '@tallyman/contract';
import type { ReactNode } from 'react';
import { TextLink } from '../../parts/links.tsx';
import { StateBadge } from '../../parts/outcome-badge.tsx';
import { Section } from '../../parts/page.tsx';
import { Waiting } from '../../parts/paged-table.tsx';
import { ProblemAlert } from '../../parts/problem-alert.tsx';
import { Time } from '../../parts/time.tsx';
import { useAsked } from '../../parts/use-asked.ts';
import { useMe } from '../session/use-me.ts';
import classes from './immutability.module.css';
import { type PolicyAct, PolicyDialog } from './policy-acts.tsx';
import { policiesAddress } from './policy-address.ts';
import { callText, leftBehind, nameOf, tagsText } from './policy-words.ts';
import { leftText, RunState } from './run-state.tsx';
import { type PolicyPlace, placeText, usePolicy } from './use-policies.ts';

export function PolicyView({ place, policy, owner }: { place: PolicyPlace; policy: string; owner: boolean }) {
  const me = useMe();
  const query = usePolicy(place, policy);
  const acting = useAsked<PolicyAct>();
  const found = query.data;
  return (
    <Section
      title={found ? `Policy ${found.pattern}` : 'Policy'}
      lead={
        <TextLink to={policiesAddress(me, place) as never} inherit>
          All policies of {'path' in place ? place.path : place.namespace}
        </TextLink>
      }
      actions={
        found && owner && <Acts policy={found} onAct={(what) => acting.ask({ place, policy: found, what })} />
      }
    >
      <ProblemAlert error={query.error} retry={query.refetch} />
      {query.isPending && <Waiting />}
      {found && (
        <dl className={classes.facts}>
          {factsOf(found, place).map(({ name, value }) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      )}
      <PolicyDialog key={acting.turn} act={acting.item} opened={acting.opened} onClose={acting.close} />
    </Section>
  );
}

function Acts({ policy, onAct }: { policy: PolicyInFull; onAct: (what: PolicyAct['what']) => void }) {
  const isDeleted = policy.deletedAt !== null;
  const left = isDeleted ? policy.holds.tags : leftBehind(policy);
  return (
    <>
      {left > 0 && (
        <Button variant="default" onClick={() => onAct('release')}>
          Release {isDeleted ? 'what it holds' : 'what it left locked'}
        </Button>
      )}
      {!isDeleted && (
        <>
          <Button variant="default" onClick={() => onAct('change')}>
            Change
          </Button>
          <Button color="red" variant="light" onClick={() => onAct('delete')}>
            Delete
          </Button>
        </>
      )}
    </>
  );
}

type Fact = { name: string; value: ReactNode };

function factsOf(policy: PolicyInFull, place: PolicyPlace): Fact[] {
  const { deletedAt, description, version, holds, run } = policy;
  const isDeleted = deletedAt !== null;
  const left = leftBehind(policy);
  const state = isDeleted ? <StateBadge text="deleted" /> : <StateBadge text="in force" tone="good" />;
  const locks = (
    <>
      {callText(policy)} <code className={classes.pattern}>{policy.pattern}</code>, in {placeText(place)}
    </>
  );
  const heldTags = (
    <>
      {holds.complete ? '' : 'more than '}
      {holds.tags === 0 ? 'no tag at present' : tagsText(holds.tags)}
      {left > 0 && <div className={classes.left}>{leftText(left)}</div>}
    </>
  );
  const followed = (
    <TextLink to="/events/$event" params={{ event: policy.eventId }}>
      {version === 1 ? 'its creation' : isDeleted ? 'its deletion' : 'its last change'}, and what followed
      from it
    </TextLink>
  );
  const facts: Fact[] = [
    { name: 'State', value: state },
    { name: 'Locks', value: locks },
    { name: 'What for', value: description },
    { name: 'Made', value: <Done at={policy.createdAt} by={policy.createdBy} /> },
    {
      name: isDeleted ? 'Deleted' : 'Last changed',
      value: version > 1 && <Done at={policy.changedAt} by={policy.changedBy} />,
    },
    { name: 'Version', value: version },
    { name: 'Holds', value: heldTags },
    { name: 'Its last run', value: run && <RunState run={run} told /> },
    { name: 'On the trail', value: followed },
  ];
  return facts.filter(({ value }) => value !== '' && value !== false && value !== null);
}

function Done({ at, by }: { at: string; by: PolicyInFull['createdBy'] }) {
  return (
    <>
      <Time at={at} /> by {nameOf(by)}
    </>
  );
}
