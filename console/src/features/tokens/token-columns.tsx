/** What every list of tokens shows of one, whatever its kind. */
import type { OauthToken, Token } from '@tallyman/contract';
import { StateBadge } from '../../parts/outcome-badge.tsx';
import classes from '../../parts/parts.module.css';
import { Scopes } from '../../parts/scope-picker.tsx';
import type { Column } from '../../parts/table.tsx';
import { Time, TimeOr } from '../../parts/time.tsx';

type AnyToken = Pick<
  Token | OauthToken,
  'name' | 'hint' | 'scopes' | 'state' | 'createdAt' | 'expiresAt' | 'lastUsedAt' | 'lastUsedSource'
>;

const tones = { active: 'good', expired: 'warn', revoked: 'bad' } as const;

/** `kindOf`: what stands before the token's first characters, in a list of several kinds. */
export function tokenColumns<T extends AnyToken>(kindOf?: (token: T) => string): Column<T>[] {
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
