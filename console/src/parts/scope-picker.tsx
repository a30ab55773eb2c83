/** What a token may be limited to, each scope with its meaning from the contract. */
import { Checkbox } from '@mantine/core';
import { type TokenScope, tokenScopeNames, tokenScopes } from '@tallyman/contract';
import classes from './parts.module.css';

type Props = {
  value: readonly TokenScope[];
  onChange: (scopes: TokenScope[]) => void;
  /** Scopes that would be of no use to whoever creates the token. */
  leftOut?: readonly TokenScope[];
  error?: string | undefined;
};

export function ScopePicker({ value, onChange, leftOut = [], error }: Props) {
  return (
    <Checkbox.Group
      label="Scopes"
      description="A ceiling: within it, your own rights decide."
      value={[...value]}
      onChange={(scopes) => onChange(scopes as TokenScope[])}
      error={error}
    >
      <div className={classes.scopes}>
        {tokenScopeNames
          .filter((scope) => !leftOut.includes(scope))
          .map((scope) => (
            <Checkbox key={scope} value={scope} label={<ScopeLabel scope={scope} />} />
          ))}
      </div>
    </Checkbox.Group>
  );
}

function ScopeLabel({ scope }: { scope: TokenScope }) {
  return (
    <>
      {tokenScopes[scope]} <code className={classes.under}>{scope}</code>
    </>
  );
}

export function Scopes({ scopes }: { scopes: readonly string[] | null }) {
  if (scopes === null) return <span className={classes.dim}>everything you may</span>;
  return <span className={classes.mono}>{scopes.join(', ')}</span>;
}
