/** Policies, previews, runs and locks in words. Pure. */
import type { Policy, PolicyPreview, PolicyRun, WhyImmutable } from '@tallyman/contract';
import { isApiError } from '../../api/problem.ts';

/** Which names it locks, without the pattern itself. */
export function callText({ matches }: Pick<Policy, 'matches'>): string {
  return matches ? 'every tag whose name matches' : 'every tag whose name does not match';
}

export function tagsText(tags: number): string {
  return `${tags.toLocaleString('en')} ${tags === 1 ? 'tag' : 'tags'}`;
}

export type PreviewWords = { title: string; text: string; everything: boolean };

/** `place`: `acme/app`, or `every project of acme`. */
export function previewWords(preview: PolicyPreview, place: string): PreviewWords {
  const { tags, wouldLock, alreadyLocked, complete } = preview;
  const everything = complete && tags > 0 && wouldLock + alreadyLocked === tags;
  const already =
    alreadyLocked === 0
      ? ''
      : ` ${tagsText(alreadyLocked)} that it calls for ${be(alreadyLocked)} locked already.`;
  if (tags === 0)
    return {
      title: 'No tag is there yet',
      text: `In ${place} it would lock tags as they are pushed.`,
      everything,
    };
  const shown = `${complete ? '' : 'at least '}${tagsText(wouldLock)}`;
  const looked = complete
    ? `Of ${tagsText(tags)} in ${place}.`
    : `Of the first ${tagsText(tags)} in ${place}: there are more than a preview looks at.`;
  if (!everything) return { title: `It would lock ${shown}`, text: looked + already, everything };
  return {
    title: `It would lock everything in ${place}: ${tagsText(tags)}`,
    text: `None of them could be moved or deleted any more, and every new one would be locked as it is pushed.${already}`,
    everything,
  };
}

const be = (count: number): string => (count === 1 ? 'is' : 'are');

/** What a run did or does. `left`: what it found locked by the policy and no longer called for. */
export function runWords(run: PolicyRun): { state: 'running' | 'done' | 'superseded'; text: string } {
  const { what, state, tags, locked, unlocked } = run;
  const looked = `${tagsText(tags)} looked at`;
  const did =
    what === 'lock'
      ? `${tagsText(locked)} locked`
      : `${tagsText(unlocked)} unlocked${locked === 0 ? '' : `, ${tagsText(locked)} handed over to other policies`}`;
  if (state === 'running')
    return { state, text: `${what === 'lock' ? 'Locking' : 'Releasing'}: ${did}, ${looked} so far` };
  if (state === 'superseded')
    return { state, text: `${did}, then the policy changed and another run took over` };
  return { state, text: `${did}, ${looked}, in ${durationText(run)}` };
}

export function durationText({ startedAt, finishedAt }: Pick<PolicyRun, 'startedAt' | 'finishedAt'>): string {
  const ms = Math.max(0, Date.parse(finishedAt ?? startedAt) - Date.parse(startedAt));
  if (ms < 1_000) return `${ms} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  const minutes = Math.floor(ms / 60_000);
  return `${minutes} min ${Math.round((ms - minutes * 60_000) / 1_000)} s`;
}

/** Tags that a narrowed policy left locked, once its run has counted them. */
export function leftBehind({ run, deletedAt }: Pick<Policy, 'run' | 'deletedAt'>): number {
  if (deletedAt !== null || run?.what !== 'lock' || run.state !== 'done') return 0;
  return run.stillLocked;
}

/** Where in the pattern the server found the fault, counted from 0; undefined for any other error. */
export function faultIn(error: unknown): { text: string; position: number | undefined } | undefined {
  if (!isApiError(error) || error.problem.field !== 'pattern') return undefined;
  const { position } = error.problem;
  return { text: error.message, position: typeof position === 'number' ? position : undefined };
}

export type WhyStep = { key: string; text: string; by: string | null; at: string; eventId: string };

/** What led to the lock, oldest first. A policy's later changes, which no longer concern the lock, stand after it. */
export function whySteps({ tag, policy, trigger, since, eventId, by }: WhyImmutable): WhyStep[] {
  const steps = (policy?.steps ?? []).map((step, at, all): WhyStep => {
    const before = all[at - 1];
    return {
      key: step.eventId,
      at: step.at,
      by: nameOf(step.by),
      eventId: step.eventId,
      text: stepText(step, before),
    };
  });
  if (trigger !== null && since !== null && eventId !== null) {
    const text =
      policy === null
        ? trigger === 'manual'
          ? `locked ${tag} by hand`
          : `A policy locked ${tag}`
        : `The policy locked ${tag}, as it was in version ${policy.version}`;
    steps.push({ key: 'lock', at: since, by: trigger === 'manual' ? nameOf(by) : null, eventId, text });
  }
  return steps.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
}

type PolicyStep = NonNullable<WhyImmutable['policy']>['steps'][number];

function stepText(step: PolicyStep, before: PolicyStep | undefined): string {
  const names = `${step.pattern}${step.matches ? '' : ' (all that does not match)'}`;
  if (step.what === 'create') return `created the policy ${names}`;
  if (step.what === 'delete') return `deleted the policy ${names}`;
  const same = before?.pattern === step.pattern && before.matches === step.matches;
  return same
    ? `changed the policy’s description (version ${step.version})`
    : `changed the policy to ${names} (version ${step.version})`;
}

export function nameOf(person: { id: string | null; name: string | null } | null): string {
  return person?.name ?? 'somebody whose name was erased';
}
