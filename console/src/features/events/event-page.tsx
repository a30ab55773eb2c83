/** One event on a page of its own: what a link in a message or a report points to. */
import { useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { apiQuery } from '../../api/queries.ts';
import { Page } from '../../parts/page.tsx';
import { Waiting } from '../../parts/paged-table.tsx';
import { ProblemAlert } from '../../parts/problem-alert.tsx';
import { readsEverything, useMe } from '../session/use-me.ts';
import { EventDetail } from './event-detail.tsx';
import classes from './events.module.css';

export function EventPage() {
  const { event } = useParams({ from: '/signed-in/events/$event' });
  const me = useMe();
  const query = useQuery({ ...apiQuery('events.get', { params: { event } }), staleTime: 60_000 });
  return (
    <Page title={query.data?.title ?? 'Event'} place="Event">
      <ProblemAlert error={query.error} retry={query.refetch} />
      {query.isPending && <Waiting />}
      {query.data && (
        <div className={classes.onPage}>
          <EventDetail
            key={event}
            event={query.data}
            trailPath={readsEverything(me) ? '/administration/trail' : '/trail'}
          />
        </div>
      )}
    </Page>
  );
}
