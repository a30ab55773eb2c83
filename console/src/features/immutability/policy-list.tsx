/** Policies of a namespace or of a project; on a project's page those of its namespace besides, marked as such. */
import { Button } from '@mantine/core';
import type { Policy } from '@tallyman/contract';
import { useState } from 'react';
import { CreateButton } from '../../parts/create-button.tsx';
import { TextLink } from '../../parts/links.tsx';
import { StateBadge } from '../../parts/outcome-badge.tsx';
import { Nothing, Section } from '../../parts/page.tsx';
import { Waiting } from '../../parts/paged-table.tsx';
import parts from '../../parts/parts.module.css';
import { ProblemAlert } from '../../parts/problem-alert.tsx';
import { actionsColumn, type Column, Table } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { useAsked } from '../../parts/use-asked.ts';
import { useMe } from '../session/use-me.ts';
import classes from './immutability.module.css';
import { type PolicyAct, PolicyDialog, PolicyMenu } from './policy-acts.tsx';
import { namespaceOf, policiesAddress, policyAddress, readsPolicies } from './policy-address.ts';
import { PolicyForm } from './policy-form.tsx';
import { callText, nameOf, tagsText } from './policy-words.ts';
import { LiveRun } from './run-state.tsx';
import { type PolicyPlace, placeText, usePolicies, usePolicy } from './use-policies.ts';

/** A policy with where it stands. */
type Row = { policy: Policy; place: PolicyPlace };

type Props = {
  place: PolicyPlace;
  /** Whether the reader may change policies of this place. */
  owner: boolean;
};

export function PolicyList({ place, owner }: Props) {
  const me = useMe();
  const above = 'path' in place ? { namespace: namespaceOf(place.path) } : undefined;
  const seesAbove = above !== undefined && readsPolicies(me, above.namespace);
  const own = usePolicies(place);
  const inherited = usePolicies(above ?? place, { enabled: seesAbove });
  const acting = useAsked<PolicyAct>();
  const rows: Row[] = [
    ...(own.data?.items ?? []).map((policy) => ({ policy, place })),
    ...((seesAbove && above && inherited.data?.items) || []).map((policy) => ({
      policy,
      place: above as PolicyPlace,
    })),
  ];
  const actions = actionsColumn<Row>(
    (row) =>
      row.place === place && (
        <PolicyMenu policy={row.policy} onAct={(what) => acting.ask({ ...row, what })} />
      ),
  );
  const columns = columnsFor({ linkOf: (row) => policyAddress(me, row.place, row.policy.id), place });
  return (
    <Section
      title="Immutability policies"
      lead={`A tag that a policy locks is not moved, not deleted and given no end, in ${placeText(place)}. What a policy calls for is locked as it is pushed; what is there already is locked when the policy is saved.`}
      actions={
        owner && (
          <CreateButton label="New policy" size="lg">
            {(close) => <PolicyForm place={place} onClose={close} />}
          </CreateButton>
        )
      }
    >
      <ProblemAlert error={own.error} retry={own.refetch} />
      {seesAbove && <ProblemAlert error={inherited.error} retry={inherited.refetch} />}
      {own.isPending && <Waiting />}
      {own.data &&
        (rows.length === 0 ? (
          <Nothing title="No policies">
            {owner
              ? 'Without one, a tag is locked only by hand. A new policy shows what it would lock before it is saved.'
              : 'Without one, a tag is locked only by hand. Owners make policies.'}
          </Nothing>
        ) : (
          <Table
            label="Immutability policies"
            items={rows}
            columns={owner ? [...columns, actions] : columns}
            rowId={({ policy }) => policy.id}
          />
        ))}
      {above && <Above {...{ above, seesAbove, listAddress: policiesAddress(me, above) }} />}
      {owner && (
        <Deleted place={place} onRelease={(policy) => acting.ask({ place, policy, what: 'release' })} />
      )}
      <PolicyDialog key={acting.turn} act={acting.item} opened={acting.opened} onClose={acting.close} />
    </Section>
  );
}

function Above({
  above,
  seesAbove,
  listAddress,
}: {
  above: { namespace: string };
  seesAbove: boolean;
  listAddress: string;
}) {
  return (
    <p className={classes.more}>
      {seesAbove ? (
        <>
          Inherited policies are changed{' '}
          <TextLink to={listAddress as never} inherit>
            where they stand, on {above.namespace}
          </TextLink>
          . Where several call for a tag, the project’s own is named before an inherited one, then the oldest.
        </>
      ) : (
        `Policies of ${above.namespace} hold here too; its members can see them. A tag’s own page says which one locked it.`
      )}
    </p>
  );
}

function columnsFor({ linkOf, place }: { linkOf: (row: Row) => string; place: PolicyPlace }): Column<Row>[] {
  return [
    {
      id: 'pattern',
      header: 'Locks',
      cell: (row) => (
        <>
          <div className={parts.under}>{callText(row.policy)}</div>
          <TextLink to={linkOf(row) as never}>
            <code className={classes.pattern}>{row.policy.pattern}</code>
          </TextLink>
          {'namespace' in row.place && row.place !== place && (
            <>
              {' '}
              <StateBadge text={`inherited from ${row.place.namespace}`} />
            </>
          )}
          {row.policy.description !== '' && <div className={parts.under}>{row.policy.description}</div>}
        </>
      ),
    },
    { id: 'run', header: 'Tags that were there', cell: (row) => <LiveRun {...row} /> },
    {
      id: 'changed',
      header: 'Last changed',
      hideBelow: 'narrow',
      cell: ({ policy }) => (
        <>
          <TextLink to="/events/$event" params={{ event: policy.eventId }}>
            <Time at={policy.changedAt} />
          </TextLink>
          <div className={parts.under}>
            by {nameOf(policy.changedBy)}, version {policy.version}
          </div>
        </>
      ),
    },
  ];
}

/** Looked up only when asked for: each row asks how much is left. */
function Deleted({ place, onRelease }: { place: PolicyPlace; onRelease: (policy: Policy) => void }) {
  const [open, setOpen] = useState(false);
  const query = usePolicies(place, { state: 'deleted', enabled: open });
  const me = useMe();
  const columns: Column<Policy>[] = [
    {
      id: 'pattern',
      header: 'Locked',
      cell: (policy) => (
        <>
          <div className={parts.under}>{callText(policy)}</div>
          <TextLink to={policyAddress(me, place, policy.id) as never}>
            <code className={classes.pattern}>{policy.pattern}</code>
          </TextLink>
        </>
      ),
    },
    { id: 'holds', header: 'Still holds', cell: (policy) => <Holds {...{ place, policy, onRelease }} /> },
    {
      id: 'deleted',
      header: 'Deleted',
      hideBelow: 'narrow',
      cell: ({ deletedAt, changedBy, eventId }) => (
        <>
          <TextLink to="/events/$event" params={{ event: eventId }}>
            {deletedAt !== null && <Time at={deletedAt} />}
          </TextLink>
          <div className={parts.under}>by {nameOf(changedBy)}</div>
        </>
      ),
    },
  ];
  return (
    <>
      <Button
        size="compact-sm"
        variant="default"
        mt="md"
        mb="xs"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        {open ? 'Hide' : 'Show'} deleted policies
      </Button>
      {open && <ProblemAlert error={query.error} retry={query.refetch} />}
      {open && query.isPending && <Waiting />}
      {open &&
        query.data &&
        (query.data.items.length === 0 ? (
          <Nothing title="No policy was deleted here" />
        ) : (
          <Table label="Deleted policies" items={query.data.items} columns={columns} rowId={({ id }) => id} />
        ))}
    </>
  );
}

function Holds({
  place,
  policy,
  onRelease,
}: {
  place: PolicyPlace;
  policy: Policy;
  onRelease: (policy: Policy) => void;
}) {
  const { data } = usePolicy(place, policy.id);
  if (data === undefined) return null;
  const { holds, run } = data;
  if (run?.what === 'release' && run.state === 'running') return <LiveRun place={place} policy={data} />;
  if (holds.tags === 0) return <span className={parts.dim}>nothing</span>;
  return (
    <>
      {holds.complete ? '' : 'more than '}
      {tagsText(holds.tags)}{' '}
      <Button
        size="compact-xs"
        variant="default"
        ml={6}
        aria-label={`Release what ${policy.pattern} holds`}
        onClick={() => onRelease(data)}
      >
        Release
      </Button>
    </>
  );
}
