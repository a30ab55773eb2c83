/** How far the run of a policy has come, or what it did. */
import { Loader } from '@mantine/core';
import type { Policy, PolicyRun } from '@tallyman/contract';
import { CheckIcon, WarningIcon } from '../../parts/icons.tsx';
import classes from './immutability.module.css';
import { leftBehind, runWords, tagsText } from './policy-words.ts';
import { type PolicyPlace, useRun } from './use-policies.ts';

/** `told`: spoken when it changes, where a person waits for it. */
export function RunState({ run, told = false }: { run: PolicyRun | null; told?: boolean }) {
  if (run === null) return null;
  const { state, text } = runWords(run);
  return (
    <div className={classes.run} data-state={state} {...(told && { role: 'status' })}>
      {state === 'running' && <Loader size={13} />}
      {state === 'done' && <CheckIcon size={14} />}
      {state === 'superseded' && <WarningIcon size={14} />}
      <span>{text}</span>
    </div>
  );
}

/** In a list: followed to its end, with what a narrowed policy left locked. */
export function LiveRun({ place, policy }: { place: PolicyPlace; policy: Policy }) {
  const run = useRun(place, policy);
  const left = leftBehind({ ...policy, run });
  return (
    <>
      <RunState run={run} />
      {left > 0 && <div className={classes.left}>{leftText(left)}</div>}
    </>
  );
}

export const leftText = (left: number): string =>
  `${tagsText(left)} that it no longer calls for ${left === 1 ? 'stays' : 'stay'} locked`;
