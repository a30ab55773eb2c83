/** That an event stands unaltered in the signed log: fetched when asked for, and checked here, in the reader's own browser. */
import { Button, TextInput, Title } from '@mantine/core';
import { bundleMediaType, type ShownEvent } from '@tallyman/contract';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { apiUrl, fetchApi } from '../../api/client.ts';
import { apiQuery } from '../../api/queries.ts';
import { DownloadIcon } from '../../parts/icons.tsx';
import { Notice } from '../../parts/notice.tsx';
import partClasses from '../../parts/parts.module.css';
import { ProblemAlert } from '../../parts/problem-alert.tsx';
import { TextBlock } from '../../parts/text-block.tsx';
import { inWords } from '../../parts/time-text.ts';
import classes from '../events/events.module.css';
import type { CheckedBundle, ProvenEvent } from './check-bundle.ts';
import { findDifferences } from './compare-event.ts';

type Verdict =
  | { kind: 'proven'; bundle: CheckedBundle; proven: ProvenEvent; differences: string[] }
  | { kind: 'other_event' }
  | { kind: 'refused'; reason: string }
  | { kind: 'unchecked' };

export function EventProof({ event }: { event: ShownEvent }) {
  const log = useQuery({ ...apiQuery('log.get', {}), staleTime: 60_000 });
  const [ownKey, setOwnKey] = useState<string | undefined>();
  const key = ownKey ?? log.data?.key ?? '';
  const check = useMutation({ meta: { inSession: true }, mutationFn: () => judge(event, key) });
  return (
    <section aria-label="Proof">
      <Title order={2} size="h3">
        Proof
      </Title>
      <p className={classes.dim}>
        Every event is a leaf of one append-only log, whose head is signed every second. The proof leads from
        this event to such a head; your browser checks each step and the signature by itself.
      </p>
      <ProblemAlert error={log.error} retry={log.refetch} />
      {log.data?.withheld && (
        <Notice tone="warn" title="The head of the log is not signed at present">
          <p>
            Why: {inWords(log.data.withheld)}. Events since then cannot be proven yet; whoever runs this
            server has to look into it.
          </p>
        </Notice>
      )}
      <TextInput
        label="Key of the log"
        description="This server names it so. If you have the key from elsewhere, put that one here: only then does the proof not rest on this server’s word."
        className={classes.proofKey ?? ''}
        value={key}
        spellCheck={false}
        autoComplete="off"
        onChange={(change) => setOwnKey(change.currentTarget.value)}
      />
      <div className={partClasses.buttons}>
        <Button
          variant="default"
          size="xs"
          loading={check.isPending}
          disabled={key.trim() === ''}
          onClick={() => check.mutate()}
        >
          Check the proof
        </Button>
        <Button
          component="a"
          href={apiUrl('events.proof', { params: { event: event.id } })}
          download
          variant="default"
          size="xs"
          leftSection={<DownloadIcon />}
        >
          Download the bundle
        </Button>
      </div>
      <ProblemAlert error={check.error} title="The proof could not be had" />
      <div role="status">
        {check.data && <VerdictTold verdict={check.data} isServersKey={key === log.data?.key} />}
      </div>
      {check.data?.kind === 'proven' && <Proven {...check.data} />}
    </section>
  );
}

async function judge(event: ShownEvent, key: string): Promise<Verdict> {
  const bytes = await fetchApi(
    'events.proof',
    { params: { event: event.id } },
    { mediaType: bundleMediaType },
  );
  const { BundleRefused, canCheckSignatures, checkBundle } = await loadVerifier();
  if (!canCheckSignatures()) return { kind: 'unchecked' };
  try {
    const bundle = await checkBundle({ bytes, key, nowMs: Date.now() });
    const [proven, ...more] = bundle.events;
    if (proven?.event.id !== event.id || more.length > 0) return { kind: 'other_event' };
    return { kind: 'proven', bundle, proven, differences: findDifferences(event, proven) };
  } catch (error) {
    if (error instanceof BundleRefused) return { kind: 'refused', reason: error.reason };
    throw error;
  }
}

/** In a file of its own, which a server that was upgraded meanwhile no longer has. */
function loadVerifier() {
  return import('./check-bundle.ts').catch((cause: unknown) => {
    throw new Error(
      'The part of this page that checks proofs could not be loaded. Reload the page: the server may be newer than it.',
      { cause },
    );
  });
}

function VerdictTold({ verdict, isServersKey }: { verdict: Verdict; isServersKey: boolean }) {
  switch (verdict.kind) {
    case 'refused':
      return (
        <Notice tone="bad" title="Not proven">
          <p>
            The bundle does not hold under this key: {inWords(verdict.reason)}. Either the key is another
            log’s, or something was altered. Download the bundle, keep it, and have it looked at.
          </p>
        </Notice>
      );
    case 'other_event':
      return (
        <Notice tone="bad" title="Not proven">
          <p>
            The server sent the proof of another event. Download the bundle, keep it, and have it looked at.
          </p>
        </Notice>
      );
    case 'unchecked':
      return (
        <Notice tone="warn" title="Not checked">
          <p>
            Browsers check signatures only on pages that came over TLS. Download the bundle and check it with
            the command line, or open this page over TLS.
          </p>
        </Notice>
      );
    case 'proven':
      return verdict.differences.length === 0 ? (
        <Notice tone="good" title="Proven">
          <p>
            This event stands unaltered in the log {verdict.bundle.origin}, at index {verdict.proven.index},
            below a signed head over {verdict.bundle.checkpoint.size.toLocaleString()} events; and this page
            shows what the log holds.
            {isServersKey &&
              ' The key is the one this server names: compare it once with one you have from elsewhere.'}
          </p>
        </Notice>
      ) : (
        <Notice tone="bad" title="The log holds something else than this page shows">
          <p>What was proven differs from what the server shows in: {verdict.differences.join(', ')}.</p>
        </Notice>
      );
  }
}

function Proven({ bundle, proven }: { bundle: CheckedBundle; proven: ProvenEvent }) {
  const { checkpoint } = bundle;
  const facts: [string, string][] = [
    ['Index', String(proven.index)],
    ['Signed head', `${checkpoint.size.toLocaleString()} events, root ${checkpoint.root}`],
    ['Signed at', checkpoint.signedAt.replace('T', ' ').replace('.000Z', ' UTC')],
    ['Signed by', bundle.key],
    [
      'Fields',
      proven.withheld.length === 0
        ? 'every value was shown to match its commitment'
        : `not disclosed to you, or erased: ${proven.withheld.join(', ')}`,
    ],
  ];
  return (
    <>
      <dl className={classes.facts}>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <TextBlock
        name="the public body"
        text={proven.body}
        shown={JSON.stringify(JSON.parse(proven.body), null, 2)}
      >
        <p className={classes.dim}>
          These are the fields that the log hashes. What a person chose, or what identifies one, stands here
          only as a commitment, {'{"#": …}'}, so that it can be erased.
        </p>
      </TextBlock>
    </>
  );
}
