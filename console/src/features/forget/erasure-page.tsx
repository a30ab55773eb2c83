/** One erasure: what was found, what stands in its way, what it cannot reach; confirmed here, and watched to its end. */
import { Button, Progress } from '@mantine/core';
import type { Erasure } from '@tallyman/contract';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { apiQuery, useApiMutation } from '../../api/queries.ts';
import { Confirm } from '../../parts/confirm.tsx';
import { TextLink } from '../../parts/links.tsx';
import { Notice } from '../../parts/notice.tsx';
import { StateBadge } from '../../parts/outcome-badge.tsx';
import { Nothing, Page, Section } from '../../parts/page.tsx';
import { Waiting } from '../../parts/paged-table.tsx';
import classes from '../../parts/parts.module.css';
import { ProblemAlert } from '../../parts/problem-alert.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { countsText, erasureKindTexts, erasureStates, isUnderWay } from './forget-words.ts';

const pollMs = 1_000;
const changed = ['erasures.get', 'erasures.list'] as const;

export function ErasurePage() {
  const { erasure } = useParams({ from: '/signed-in/administration/erasure/$erasure' });
  const query = useQuery({
    ...apiQuery('erasures.get', { params: { erasure } }),
    refetchInterval: ({ state }) => (state.data && isUnderWay(state.data) ? pollMs : false),
  });
  const found = query.data;
  return (
    <Page
      title={found ? `Erasure: ${erasureKindTexts[found.kind].toLowerCase()}` : 'Erasure'}
      place="Administration"
      lead={<TextLink to="/administration/erasure">All erasures</TextLink>}
      actions={found && <Acts erasure={found} />}
    >
      <ProblemAlert error={query.error} retry={query.refetch} />
      {query.isPending && <Waiting />}
      {found && (
        <>
          <div role="status">
            <Standing erasure={found} />
          </div>
          {found.found && <FoundPart found={found.found} />}
          <Section title="What it cannot reach" lead="To be seen to elsewhere.">
            <ul className={classes.plainList}>
              {found.unreachable.map((text) => (
                <li key={text}>{text}</li>
              ))}
            </ul>
          </Section>
        </>
      )}
    </Page>
  );
}

export function ErasureState({ erasure: { state } }: { erasure: Erasure }) {
  return <StateBadge {...erasureStates[state]} />;
}

function Acts({ erasure }: { erasure: Erasure }) {
  const navigate = useNavigate();
  const confirm = useApiMutation('erasures.confirm', changed);
  const cancel = useApiMutation('erasures.cancel', ['erasures.list']);
  const [asked, setAsked] = useState<'confirm' | 'cancel'>();
  const close = (): void => setAsked(undefined);
  const { id, state, found } = erasure;
  const params = { erasure: id };
  if (state !== 'previewed' && state !== 'failed') return null;
  return (
    <>
      {found !== null && (
        <Button color="red" variant="light" onClick={() => setAsked('confirm')}>
          {state === 'failed' ? 'Go on' : 'Erase'}
        </Button>
      )}
      {state === 'previewed' && (
        <Button variant="default" onClick={() => setAsked('cancel')}>
          Throw the preview away
        </Button>
      )}
      <Confirm
        opened={asked === 'confirm'}
        title="Erase for good?"
        action="Erase for good"
        danger
        typed="erase"
        change={confirm}
        onClose={close}
        onConfirm={() => confirm.mutate({ params }, { onSuccess: close })}
      >
        {found && <b>{countsText(found)}</b>} go, and with them what identifies the person in the tables of
        accounts and in the search. Nobody can bring it back.
      </Confirm>
      <Confirm
        opened={asked === 'cancel'}
        title="Throw the preview away?"
        action="Throw it away"
        change={cancel}
        onClose={close}
        onConfirm={() =>
          cancel.mutate({ params }, { onSuccess: () => void navigate({ to: '/administration/erasure' }) })
        }
      >
        Nothing is erased. What the preview remembers of whom it was about goes with it.
      </Confirm>
    </>
  );
}

function Standing({ erasure }: { erasure: Erasure }) {
  const { state, looked, found, removed, holds, error, changedAt } = erasure;
  const far = `${looked.events.toLocaleString('en')} of ${looked.of.toLocaleString('en')} events looked at`;
  if (isUnderWay(erasure))
    return (
      <>
        <p>
          {state === 'previewing' ? 'Looking through the trail' : `Erasing: ${countsText(removed)} so far`}:{' '}
          {far}. It goes on when this page is closed.
        </p>
        <Progress
          aria-label={state === 'previewing' ? 'Looking through the trail' : 'Erasing'}
          value={looked.of === 0 ? 0 : (100 * looked.events) / looked.of}
        />
      </>
    );
  if (state === 'failed')
    return (
      <Notice tone="bad" title="It failed" urgent>
        <p>
          {error ?? 'The server’s log says why.'} What was removed so far: {countsText(removed)}.
        </p>
      </Notice>
    );
  if (state === 'done')
    return (
      <Notice tone="good" title="Erased">
        <p>
          {countsText(removed)}, finished <Time at={changedAt} />.
        </p>
      </Notice>
    );
  if (state === 'cancelled') return <p>It was thrown away, and nothing was erased.</p>;
  return (
    <>
      <Notice tone="warn" title="It waits for you">
        <p>
          Erased would be {found ? countsText(found) : 'nothing'}. Nothing is removed yet; unconfirmed, the
          preview is thrown away after a week.
        </p>
      </Notice>
      {holds.length > 0 && (
        <Notice
          tone="bad"
          title={holds.length === 1 ? 'A legal hold stands in its way' : 'Legal holds stand in its way'}
        >
          <p>
            It cannot be confirmed before they are lifted.{' '}
            <TextLink to="/administration/retention">Legal holds</TextLink>
          </p>
        </Notice>
      )}
    </>
  );
}

type Counts = NonNullable<Erasure['found']>['byType'][number];
const columns: Column<Counts>[] = [
  { id: 'type', header: 'Events of the type', cell: ({ type }) => <code>{type}</code> },
  { id: 'events', header: 'Events', cell: ({ events }) => events.toLocaleString('en') },
  { id: 'entries', header: 'Entries in them', cell: ({ entries }) => entries.toLocaleString('en') },
];

function FoundPart({ found }: { found: NonNullable<Erasure['found']> }) {
  return (
    <Section title="What was found" lead={`${countsText(found)}. An entry is one name, address or text.`}>
      {found.byType.length === 0 ? (
        <Nothing title="Nothing on the trail identifies it" />
      ) : (
        <Table label="What was found" items={found.byType} columns={columns} rowId={({ type }) => type} />
      )}
    </Section>
  );
}
