/** One event: in words, what it came from, the ways on, and every field in full. */
import { Title } from '@mantine/core';
import { declarationOf, isEventType, type ShownEvent } from '@tallyman/contract';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { TextLink } from '../../parts/links.tsx';
import { OutcomeBadge } from '../../parts/outcome-badge.tsx';
import { TextBlock } from '../../parts/text-block.tsx';
import { Time } from '../../parts/time.tsx';
import { formatUtc, inWords } from '../../parts/time-text.ts';
import { lockFacts } from '../immutability/lock-facts.tsx';
import { type EventField, fieldGroups } from './event-fields.ts';
import { EventSentence } from './event-sentence.tsx';
import classes from './events.module.css';
import { refusalFacts } from './refusal-words.ts';
import { likeFilters, type TrailFilter } from './trail-search.ts';

type Props = {
  event: ShownEvent;
  /** Address of the trail in which "everything like it" is looked for. */
  trailPath: string;
  /** Of its parts: one below that of where it stands. */
  heading: 2 | 3;
  /** What there is room for only on a page of its own. */
  children?: ReactNode;
};

export function EventDetail({ event, trailPath, heading, children }: Props) {
  return (
    <article className={classes.detail}>
      <div className={classes.detailTop}>
        <OutcomeBadge outcome={event.outcome} />
        <span className={classes.dim}>{event.title}</span>
      </div>
      <p className={classes.detailSentence}>
        <EventSentence event={event} />.
      </p>
      <dl className={classes.facts}>
        {factsOf(event).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <section aria-label="Show everything">
        <Title order={heading} size="h3">
          Show everything
        </Title>
        <ul className={classes.ways}>
          {likeFilters(event).map(({ label, filter }) => (
            <li key={label}>
              <Way {...{ trailPath, filter }}>{label}</Way>
            </li>
          ))}
        </ul>
      </section>
      {children}
      <AllFields event={event} heading={heading} />
      <section aria-label="As JSON">
        <TextBlock name="JSON" text={JSON.stringify(event, null, 2)} />
      </section>
    </article>
  );
}

function Way({
  trailPath,
  filter,
  children,
}: {
  trailPath: string;
  filter: TrailFilter;
  children: ReactNode;
}) {
  return (
    <Link to={trailPath as never} search={filter as never} className={classes.way}>
      {children}
    </Link>
  );
}

function factsOf(event: ShownEvent): [string, ReactNode][] {
  const { repeats, causedBy } = event;
  const refused = refusalFacts(event);
  const facts: [string, ReactNode | undefined][] = [
    ['When', <WhenTold key="when" event={event} />],
    ...(refused?.map(({ name, text }): [string, ReactNode] => [name, text]) ?? doneFacts(event)),
    ...lockFacts(event),
    [
      'Repeats',
      repeats && (
        <>
          {repeats.count.toLocaleString()} more like it until <Time at={repeats.lastAt} />, counted by{' '}
          <TextLink to="/events/$event" params={{ event: repeats.id }}>
            the closing event
          </TextLink>
        </>
      ),
    ],
    [
      'Brought about by',
      event.cause && (
        <TextLink to="/events/$event" params={{ event: event.cause }}>
          {causedBy
            ? `${causedBy.title}${causedBy.actor.name ? `, ${causedBy.actor.name}` : ''}`
            : 'another event'}
        </TextLink>
      ),
    ],
  ];
  return facts.filter((fact): fact is [string, ReactNode] => fact[1] !== undefined && fact[1] !== '');
}

function doneFacts({ actor, onBehalfOf, credential, scope, request }: ShownEvent): [string, ReactNode][] {
  return [
    [
      'Who',
      `${actor.name ?? (actor.id === undefined ? 'nobody known' : 'name not shown')} (${inWords(actor.kind)})`,
    ],
    [
      'In the name of',
      onBehalfOf && `${onBehalfOf.name ?? onBehalfOf.id ?? ''} (${inWords(onBehalfOf.kind)})`,
    ],
    ['With', `${inWords(credential.kind)}${credential.name === undefined ? '' : ` “${credential.name}”`}`],
    [
      'Where',
      scope.project?.path ??
        scope.namespace?.name ??
        (scope.namespace ? 'name not shown' : 'the server itself'),
    ],
    ['From', request.ip],
  ];
}

function WhenTold({ event }: { event: ShownEvent }) {
  return (
    <>
      <Time at={event.occurredAt} /> <span className={classes.dim}>{formatUtc(event.occurredAt)}</span>
    </>
  );
}

function AllFields({ event, heading }: Pick<Props, 'event' | 'heading'>) {
  return (
    <section aria-label="Every field">
      <Title order={heading} size="h3">
        Every field
      </Title>
      {isEventType(event.type) && <p className={classes.dim}>{declarationOf(event.type).description}</p>}
      <table className={classes.fields}>
        {fieldGroups(event).map(({ title, fields }) => (
          <tbody key={title}>
            <tr>
              <th colSpan={2} scope="colgroup">
                {title}
              </th>
            </tr>
            {fields.map((field) => (
              <tr key={field.pointer}>
                <th scope="row" title={field.pointer}>
                  {field.label}
                </th>
                <td>
                  <FieldValue field={field} />
                </td>
              </tr>
            ))}
          </tbody>
        ))}
      </table>
    </section>
  );
}

const stateTexts = {
  erased: 'erased',
  withheld: 'withheld: only owners and administrators may read it, or it was erased',
};

function FieldValue({ field: { state, value, pointer } }: { field: EventField }) {
  if (state !== 'shown') return <span className={classes.gone}>{stateTexts[state]}</span>;
  if (pointer === '/cause' || pointer === '/repeats/id')
    return (
      <TextLink to="/events/$event" params={{ event: value }} className={classes.value}>
        {value}
      </TextLink>
    );
  return <span className={classes.value}>{value}</span>;
}
