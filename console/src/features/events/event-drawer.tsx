/** The event that the address names, beside the list it stands in. */
import { Button, Drawer, Group } from '@mantine/core';
import type { ShownEvent } from '@tallyman/contract';
import { useQuery } from '@tanstack/react-query';
import { apiQuery } from '../../api/queries.ts';
import { NewerIcon, OlderIcon } from '../../parts/icons.tsx';
import { ButtonLink } from '../../parts/links.tsx';
import { Waiting } from '../../parts/paged-table.tsx';
import { ProblemAlert } from '../../parts/problem-alert.tsx';
import { EventDetail } from './event-detail.tsx';
import type { TrailAddress } from './use-trail-search.ts';

type Props = { address: TrailAddress; events: readonly ShownEvent[]; trailPath: string };

export function EventDrawer({ address: { search, openEvent }, events, trailPath }: Props) {
  const id = search.event;
  const place = events.findIndex((event) => event.id === id);
  const step = (by: number): (() => void) | undefined => {
    const goal = place < 0 ? undefined : events[place + by];
    return goal && (() => openEvent(goal.id));
  };
  return (
    <Drawer.Root
      opened={id !== undefined}
      onClose={() => openEvent(undefined)}
      position="right"
      size={560}
      lockScroll={false}
    >
      <Drawer.Overlay backgroundOpacity={0.25} />
      <Drawer.Content aria-label="Event">
        <Drawer.Header>
          <Drawer.Title>Event</Drawer.Title>
          <Group gap={6} ml="auto" mr="xs">
            <Step label="Newer event" go={step(-1)} newer />
            <Step label="Older event" go={step(1)} />
            {id !== undefined && (
              <ButtonLink size="compact-sm" variant="default" to="/events/$event" params={{ event: id }}>
                Own page
              </ButtonLink>
            )}
          </Group>
          <Drawer.CloseButton aria-label="Close event" />
        </Drawer.Header>
        <Drawer.Body>
          {id !== undefined && (
            <Loaded id={id} {...(events[place] && { known: events[place] })} trailPath={trailPath} />
          )}
        </Drawer.Body>
      </Drawer.Content>
    </Drawer.Root>
  );
}

function Step({
  label,
  go,
  newer = false,
}: {
  label: string;
  go: (() => void) | undefined;
  newer?: boolean;
}) {
  return (
    <Button
      size="compact-sm"
      variant="default"
      aria-label={label}
      title={label}
      disabled={go === undefined}
      onClick={go}
    >
      {newer ? <NewerIcon size={14} /> : <OlderIcon size={14} />}
    </Button>
  );
}

/** Shows what the list knew while the whole event, with what brought it about, is on its way. */
function Loaded({ id, known, trailPath }: { id: string; known?: ShownEvent; trailPath: string }) {
  const query = useQuery({ ...apiQuery('events.get', { params: { event: id } }), staleTime: 60_000 });
  const event = query.data ?? known;
  return (
    <>
      <ProblemAlert error={query.error} retry={query.refetch} />
      {event ? (
        <EventDetail key={id} event={event} trailPath={trailPath} heading={3} />
      ) : (
        query.isPending && <Waiting />
      )}
    </>
  );
}
