/** Why a tag is immutable, or that it is not: the answer, the steps that led there, and what can be done about it. */
import { Button, Modal } from '@mantine/core';
import type { ShownEvent, Tag, WhyImmutable } from '@tallyman/contract';
import { useQuery } from '@tanstack/react-query';
import { useLocation } from '@tanstack/react-router';
import { useEffect, useRef } from 'react';
import { apiQuery } from '../../api/queries.ts';
import { TextLink } from '../../parts/links.tsx';
import { Section } from '../../parts/page.tsx';
import { Waiting } from '../../parts/paged-table.tsx';
import { ProblemAlert } from '../../parts/problem-alert.tsx';
import { Time } from '../../parts/time.tsx';
import { useAsked } from '../../parts/use-asked.ts';
import { useMe } from '../session/use-me.ts';
import classes from './immutability.module.css';
import { namespaceOf, policyAddress, readsPolicies } from './policy-address.ts';
import { type WhyStep, whySteps } from './policy-words.ts';
import { LockTag, UnlockTag } from './tag-lock.tsx';

/** The part of a tag's page that answers it. */
export const whyHash = 'why';

type Props = { path: string; tag: Tag; owner: boolean };

export function Why({ path, tag, owner }: Props) {
  const params = { format: 'container', path, tag: tag.name } as const;
  const query = useQuery(apiQuery('tags.immutability', { params }));
  const asked = useAsked<'lock' | 'unlock'>();
  const why = query.data;
  return (
    <Section
      title={tag.immutable === null ? 'Is this tag immutable?' : 'Why is this tag immutable?'}
      actions={why && <Acts why={why} owner={owner} onAsk={asked.ask} />}
    >
      <ProblemAlert error={query.error} retry={query.refetch} />
      {query.isPending && <Waiting />}
      {why && <Answer why={why} />}
      <Modal
        opened={asked.opened}
        onClose={asked.close}
        title={asked.item === 'unlock' ? `Unlock ${tag.name}?` : `Lock ${tag.name}?`}
      >
        {asked.opened && asked.item === 'lock' && <LockTag {...{ path, tag }} onClose={asked.close} />}
        {asked.opened && asked.item === 'unlock' && why && (
          <UnlockTag {...{ path, tag, why }} onClose={asked.close} />
        )}
      </Modal>
    </Section>
  );
}

type ActsProps = { why: WhyImmutable; owner: boolean; onAsk: (what: 'lock' | 'unlock') => void };

function Acts({ why, owner, onAsk }: ActsProps) {
  return (
    <>
      {why.trigger !== 'manual' && (
        <Button variant="default" onClick={() => onAsk('lock')}>
          Lock by hand
        </Button>
      )}
      {/* What a run has yet to reach cannot be unlocked before. */}
      {owner && why.since !== null && (
        <Button variant="default" onClick={() => onAsk('unlock')}>
          Unlock
        </Button>
      )}
    </>
  );
}

function Answer({ why }: { why: WhyImmutable }) {
  const { hash } = useLocation();
  const answer = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // A link that asks for the answer leads to it, not only to its page.
    if (hash === whyHash) answer.current?.focus();
  }, [hash]);
  const event = useQuery({
    ...apiQuery('events.get', { params: { event: why.eventId ?? '' } }),
    enabled: why.eventId !== null && why.since !== null,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
  const steps = whySteps(why);
  return (
    <div id={whyHash} ref={answer} tabIndex={-1} className={classes.why}>
      <p className={classes.because}>{why.because}</p>
      {steps.length > 0 && (
        <ol className={classes.steps} aria-label="How it came about">
          {steps.map((step) => (
            <Step key={step.key} step={step} event={step.key === 'lock' ? event.data : undefined} />
          ))}
        </ol>
      )}
      <More why={why} />
    </div>
  );
}

function Step({ step, event }: { step: WhyStep; event: ShownEvent | undefined }) {
  const { by, text, at, eventId, key } = step;
  const details = event && 'lock' === key ? lockDetails(event) : {};
  return (
    <li data-lock={key === 'lock' || undefined}>
      {by === null ? '' : <b>{by} </b>}
      {text} ·{' '}
      <TextLink to="/events/$event" params={{ event: eventId }} inherit>
        <Time at={at} />
      </TextLink>
      {details.note !== undefined && <div>“{details.note}”</div>}
      {details.expiryCleared !== undefined && (
        <div className={classes.left}>
          The end it had, <Time at={details.expiryCleared} />, was taken away: a locked tag has none.
        </div>
      )}
    </li>
  );
}

/** Of the event that locked it: its own, or the push under which it was born locked. */
function lockDetails({ details }: ShownEvent): {
  note?: string | undefined;
  expiryCleared?: string | undefined;
} {
  const born = details.immutability;
  const from = typeof born === 'object' && born !== null ? (born as Record<string, unknown>) : details;
  const textOf = (value: unknown): string | undefined =>
    typeof value === 'string' && value !== '' ? value : undefined;
  return { note: textOf(from.note), expiryCleared: textOf(from.expiryCleared) };
}

function More({ why }: { why: WhyImmutable }) {
  const me = useMe();
  const { policy, calledForBy, unlockedEventId, immutable, project } = why;
  const others = calledForBy.filter((id) => id !== policy?.id).length;
  const place =
    policy?.scope === 'namespace'
      ? { namespace: namespaceOf(project) }
      : { format: 'container' as const, path: project };
  const mayFollow = policy?.scope === 'project' || readsPolicies(me, namespaceOf(project));
  return (
    <>
      {policy && (
        <p className={classes.more}>
          {policy.description !== '' && <>What the policy is for: “{policy.description}”. </>}
          {policy.deleted &&
            'The policy was deleted since; what it locked stays locked until an owner releases it. '}
          {mayFollow && (
            <TextLink to={policyAddress(me, place, policy.id) as never} inherit>
              The policy, and what it holds
            </TextLink>
          )}
        </p>
      )}
      {immutable && others > 0 && (
        <p className={classes.more}>
          {others === 1 ? 'Another policy calls' : `${others} other policies call`} for it too, and would take
          it over if its locks were released.
        </p>
      )}
      {unlockedEventId !== null && (
        <p className={classes.more}>
          <TextLink to="/events/$event" params={{ event: unlockedEventId }} inherit>
            Who unlocked it, and why
          </TextLink>
        </p>
      )}
      {immutable && (
        <p className={classes.more}>
          It is not moved, not deleted and given no end. Owners of the project can unlock it, with a reason.
        </p>
      )}
    </>
  );
}

/** Beside a refusal: where the answer stands. */
export function WhyLink({ path, tag, onFollow }: { path: string; tag: string; onFollow?: () => void }) {
  return (
    <TextLink
      to="/projects/$format/$path/tags/$tag"
      params={{ format: 'container', path, tag }}
      hash={whyHash}
      size="sm"
      {...(onFollow && { onClick: onFollow })}
    >
      Why is {tag} immutable?
    </TextLink>
  );
}
