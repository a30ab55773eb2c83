/** On an event: the policy it is about, and, of a refusal because of a lock, who or what locked the tag. */
import type { ShownEvent } from '@tallyman/contract';
import type { ReactNode } from 'react';
import { TextLink } from '../../parts/links.tsx';
import { Time } from '../../parts/time.tsx';
import { useMe } from '../session/use-me.ts';
import { type LockTold, lockOf, type PolicyTold, policyOf } from './lock-told.ts';
import { policyAddress, readsContent, readsPolicies } from './policy-address.ts';
import { WhyLink } from './why.tsx';

type Fact = [string, ReactNode];

export function lockFacts(event: ShownEvent): Fact[] {
  const lock = lockOf(event);
  const policy = policyOf(event);
  const facts: Fact[] = [];
  if (lock !== undefined) facts.push(['What locked it', <Locked key="locked" event={event} lock={lock} />]);
  if (policy !== undefined) facts.push(['Policy', <PolicyText key="policy" event={event} policy={policy} />]);
  return facts;
}

function Locked({ event, lock }: { event: ShownEvent; lock: LockTold }) {
  const { tag, trigger, since, eventId, by } = lock;
  const { namespace, project } = event.scope;
  const path = readsContent(useMe(), namespace?.name) ? project?.path : undefined;
  const who = trigger === 'policy' ? 'A policy' : (by?.name ?? 'A person whose name is not shown');
  return (
    <>
      {who} {since === undefined ? 'calls for its lock: ' : 'locked it on '}
      <TextLink to="/events/$event" params={{ event: eventId }}>
        {since === undefined ? 'the event of the policy' : <Time at={since} />}
      </TextLink>
      {tag !== undefined && path !== undefined && (
        <div>
          <WhyLink path={path} tag={tag} />
        </div>
      )}
    </>
  );
}

function PolicyText({ event, policy }: { event: ShownEvent; policy: PolicyTold }) {
  const me = useMe();
  const { namespace, project } = event.scope;
  const { id, scope, version, pattern = 'whose pattern is not shown', matches } = policy;
  const name = namespace?.name;
  const place =
    scope === 'project'
      ? project?.path !== undefined &&
        readsContent(me, name) && { format: 'container' as const, path: project.path }
      : name !== undefined && readsPolicies(me, name) && { namespace: name };
  const words = (
    <>
      <code>{pattern}</code>
      {!matches && ' (all that does not match)'}
    </>
  );
  return (
    <>
      {place ? <TextLink to={policyAddress(me, place, id) as never}>{words}</TextLink> : words}, version{' '}
      {version}, on the {scope}
    </>
  );
}
