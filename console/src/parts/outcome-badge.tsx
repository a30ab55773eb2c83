/** How something ended, by word, shape and colour. */
import type { Outcome } from '@tallyman/contract';
import { BarredIcon, CheckIcon, WarningIcon } from './icons.tsx';
import classes from './parts.module.css';

const shown = {
  success: { text: 'Success', Icon: CheckIcon },
  denied: { text: 'Denied', Icon: BarredIcon },
  failed: { text: 'Failed', Icon: WarningIcon },
} as const satisfies Record<Outcome, unknown>;

export const outcomeText = (outcome: Outcome): string => shown[outcome].text;

export function OutcomeBadge({ outcome }: { outcome: Outcome }) {
  const { text, Icon } = shown[outcome];
  return (
    <span className={classes.outcome} data-outcome={outcome}>
      <Icon size={13} />
      {text}
    </span>
  );
}

/** Any other short state: `active`, `revoked`, `private`. */
export function StateBadge({
  text,
  tone = 'plain',
}: {
  text: string;
  tone?: 'good' | 'bad' | 'warn' | 'plain';
}) {
  return (
    <span className={classes.state} data-tone={tone}>
      {text}
    </span>
  );
}
