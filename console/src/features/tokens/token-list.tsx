/** Tokens of whatever kind as a list, ended ones included, from which one is revoked. */
import { Button } from '@mantine/core';
import type { OauthToken, Token } from '@tallyman/contract';
import type { InfiniteData, UseInfiniteQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Confirm } from '../../parts/confirm.tsx';
import { TextLink } from '../../parts/links.tsx';
import { StateBadge } from '../../parts/outcome-badge.tsx';
import { PagedTable } from '../../parts/paged-table.tsx';
import classes from '../../parts/parts.module.css';
import { Scopes } from '../../parts/scope-picker.tsx';
import { actionsColumn, type Column } from '../../parts/table.tsx';
import { Time, TimeOr } from '../../parts/time.tsx';
import { useAsked } from '../../parts/use-asked.ts';

type AnyToken = Token | OauthToken;

type Props<T extends AnyToken> = {
  label: string;
  query: UseInfiniteQueryResult<InfiniteData<{ items: T[]; next: string | null }>>;
  /** What stands before the token's first characters, in a list of several kinds. */
  kindOf?: (token: T) => string;
  /** What else this list tells of a token. */
  columns?: readonly Column<T>[];
  /** Where the events made with it are found. */
  trailPath: string;
  empty: ReactNode;
  revoke: { isPending: boolean; error: unknown; reset: () => void };
  onRevoke: (token: T, onDone: { onSuccess: () => void }) => void;
  /** What revoking it brings. */
  consequence: (token: T) => ReactNode;
};

export function TokenList<T extends AnyToken>(props: Props<T>) {
  const { label, query, kindOf, columns = [], trailPath, empty, revoke, onRevoke, consequence } = props;
  const ending = useAsked<T>();
  const actions = actionsColumn<T>((token) => (
    <div className={classes.rowActions}>
      <TextLink to={trailPath as never} search={{ credential: [token.id] } as never} size="sm">
        Its events
      </TextLink>
      {token.state === 'active' && (
        <Button
          size="compact-xs"
          variant="default"
          aria-label={`Revoke ${token.name}`}
          onClick={() => ending.ask(token)}
        >
          Revoke
        </Button>
      )}
    </div>
  ));
  return (
    <>
      <PagedTable
        label={label}
        query={query}
        columns={[...tokenColumns(kindOf), ...columns, actions]}
        rowId={({ id }) => id}
        empty={empty}
      />
      <Confirm
        opened={ending.opened}
        title={`Revoke “${ending.item?.name ?? ''}”?`}
        action="Revoke"
        danger
        change={revoke}
        onClose={ending.close}
        onConfirm={() => ending.item && onRevoke(ending.item, { onSuccess: ending.close })}
      >
        {ending.item && consequence(ending.item)}
      </Confirm>
    </>
  );
}

const tones = { active: 'good', expired: 'warn', revoked: 'bad' } as const;

function tokenColumns<T extends AnyToken>(kindOf?: (token: T) => string): Column<T>[] {
  return [
    {
      id: 'name',
      header: 'Token',
      cell: (token) => (
        <>
          <span className={classes.strong}>{token.name}</span>
          <div className={classes.under}>
            {kindOf && `${kindOf(token)} · `}
            <code>{token.hint}…</code>
          </div>
        </>
      ),
    },
    { id: 'state', header: 'State', cell: ({ state }) => <StateBadge text={state} tone={tones[state]} /> },
    { id: 'scopes', header: 'Scopes', hideBelow: 'narrow', cell: ({ scopes }) => <Scopes scopes={scopes} /> },
    {
      id: 'used',
      header: 'Last used',
      cell: ({ lastUsedAt, lastUsedSource }) => (
        <>
          <TimeOr at={lastUsedAt} otherwise="never" />
          {lastUsedSource !== null && <div className={classes.under}>{lastUsedSource}</div>}
        </>
      ),
    },
    {
      id: 'expires',
      header: 'Expires',
      hideBelow: 'medium',
      cell: ({ expiresAt, createdAt }) => (
        <>
          <TimeOr at={expiresAt} otherwise="never" />
          <div className={classes.under}>
            created <Time at={createdAt} />
          </div>
        </>
      ),
    },
  ];
}
