/** What followed from an event: those that name it as their cause, in the view of whoever looks. */
import { Title } from '@mantine/core';
import type { ApiQuery, ShownEvent } from '@tallyman/contract';
import { useQuery } from '@tanstack/react-query';
import { apiQuery } from '../../api/queries.ts';
import { TextLink } from '../../parts/links.tsx';
import { Waiting } from '../../parts/paged-table.tsx';
import { ProblemAlert } from '../../parts/problem-alert.tsx';
import { Time } from '../../parts/time.tsx';
import classes from './events.module.css';
import { questionOf, type TrailFilter, type TrailView } from './trail-search.ts';

const most = 20;

type Props = { event: ShownEvent; view: TrailView; trailPath: string };

export function EventEffects({ event, view, trailPath }: Props) {
  const filter: TrailFilter = { cause: [event.id], repeats: 'rows' };
  const query = useQuery(
    apiQuery('events.list', {
      query: { ...questionOf(view, filter), limit: most } as ApiQuery<'events.list'>,
    }),
  );
  return (
    <section aria-label="What followed from it">
      <Title order={2} size="h3">
        What followed from it
      </Title>
      <ProblemAlert error={query.error} retry={query.refetch} />
      {query.isPending && <Waiting />}
      {query.data?.items.length === 0 && (
        <p className={classes.dim}>No event that you may read names this one as its cause.</p>
      )}
      <ul className={classes.effects}>
        {query.data?.items.map(({ id, occurredAt, sentence }) => (
          <li key={id}>
            <span className={classes.dim}>
              <Time at={occurredAt} />
            </span>
            <TextLink to="/events/$event" params={{ event: id }}>
              {sentence}
            </TextLink>
          </li>
        ))}
      </ul>
      {query.data?.next != null && (
        <TextLink to={trailPath as never} search={filter as never}>
          All of them
        </TextLink>
      )}
    </section>
  );
}
