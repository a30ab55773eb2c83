/** One event on a page of its own: what a link in a message or a report points to. */
import type { Me, ShownEvent } from '@tallyman/contract';
import { useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { apiQuery } from '../../api/queries.ts';
import { address } from '../../parts/link-tabs.tsx';
import { Page } from '../../parts/page.tsx';
import { Waiting } from '../../parts/paged-table.tsx';
import { ProblemAlert } from '../../parts/problem-alert.tsx';
import { EventProof } from '../proof/event-proof.tsx';
import { ownsNamespace, readsEverything, useMe } from '../session/use-me.ts';
import { EventDetail } from './event-detail.tsx';
import { EventEffects } from './event-effects.tsx';
import classes from './events.module.css';
import type { TrailView } from './trail-search.ts';

export function EventPage() {
  const { event } = useParams({ from: '/signed-in/events/$event' });
  const me = useMe();
  const query = useQuery({ ...apiQuery('events.get', { params: { event } }), staleTime: 60_000 });
  const around = query.data && trailAround(query.data, me);
  return (
    <Page title={query.data?.title ?? 'Event'} place="Event">
      <ProblemAlert error={query.error} retry={query.refetch} />
      {query.isPending && <Waiting />}
      {query.data && around && (
        <div className={classes.onPage}>
          <EventDetail key={event} event={query.data} trailPath={around.trailPath} heading={2}>
            <EventEffects event={query.data} {...around} />
            <EventProof event={query.data} />
          </EventDetail>
        </div>
      )}
    </Page>
  );
}

/** The widest trail that holds it and is surely this reader's to see: asking for another would be one more refusal. */
function trailAround({ scope }: ShownEvent, me: Me): { view: TrailView; trailPath: string } {
  if (readsEverything(me)) return { view: { kind: 'administration' }, trailPath: '/administration/trail' };
  const { kind, name } = scope.namespace ?? {};
  if (name === undefined || !ownsNamespace(me, name)) return { view: { kind: 'me' }, trailPath: '/trail' };
  const folder = kind === 'organisation' ? 'organisations' : 'namespaces';
  return { view: { kind: 'namespace', namespace: name }, trailPath: address(folder, name, 'trail') };
}
