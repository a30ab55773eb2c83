/**
 * Immutability: policies, what they locked, and what was locked or unlocked by hand. Whoever reads an effect reads which
 * policy, in which version and with which pattern, brought it about.
 */
import { z } from 'zod';
import { change, erasable, eventType, strictProject, word } from './kind.ts';

export const lockTriggers = ['manual', 'policy'] as const;
export const policyScopes = ['namespace', 'project'] as const;

const scope = z.enum(policyScopes);
const policyId = z.string();
/** A policy as it was when it decided. */
export const policySnapshot = z.strictObject({
  id: policyId,
  version: z.int(),
  scope,
  pattern: word,
  /** false: it locks every name that its pattern does not match. */
  matches: z.boolean(),
});
/** Every policy that called for it, when several did; the decisive one is the project's own before the namespace's, then the oldest. */
export const policyHits = z
  .array(z.strictObject({ id: policyId, version: z.int(), scope, decisive: z.boolean() }))
  .max(250);
/** How a tag came to be locked as it was pointed, which is one change and one event. */
export const bornLocked = z.strictObject({
  trigger: z.literal('policy'),
  previous: z.enum(['absent', 'unlocked']),
  policy: policySnapshot,
  hits: policyHits.optional(),
  /** An immutable tag has no end: this one was taken away. */
  expiryCleared: z.string().optional(),
});
/** What stands in a refusal: who or what locked the tag, and since when. */
export const lockedBy = z.strictObject({
  tag: word,
  /** Its project, where a whole namespace was to go. */
  project: word.optional(),
  trigger: z.enum(lockTriggers),
  /** Absent while the policy's run has yet to reach the tag. */
  since: z.string().optional(),
  /** The event that locked it, or that of the policy. */
  eventId: z.string(),
  policy: policySnapshot.optional(),
  by: z.strictObject({ id: z.string().optional(), name: word.optional() }).optional(),
});

const description = erasable(z.string());
const policyState = { policyId, version: z.int(), scope, pattern: word, matches: z.boolean() };
/** Up to ten names. */
const sample = erasable(z.array(z.string()).max(10));

export const immutabilityTypes = {
  'policy.immutability.create': eventType({
    ...strictProject,
    title: 'Immutability policy created',
    sentence: '{actor} created the immutability policy {details.pattern} on {project|namespace}',
    description:
      'From now on tags that the policy calls for are born immutable; those that are there are locked by a run, each with an event of its own.',
    details: z.strictObject({ ...policyState, description }),
    severity: 'warning',
    elsewhere: { quay: ['create_immutability_policy'] },
  }),
  'policy.immutability.change': eventType({
    ...strictProject,
    title: 'Immutability policy changed',
    sentence:
      '{actor} changed the immutability policy {details.pattern.from} of {project|namespace} to {details.pattern.to}',
    description:
      'What the policy calls for now is locked by a run. What it locked before and no longer calls for stays locked until an owner releases it.',
    details: z.strictObject({
      policyId,
      version: change(z.int()),
      scope,
      pattern: z.strictObject({ from: word, to: word }),
      matches: change(z.boolean()),
      description: z.strictObject({ from: description, to: description }),
    }),
    severity: 'warning',
    elsewhere: { quay: ['update_immutability_policy'] },
  }),
  'policy.immutability.delete': eventType({
    ...strictProject,
    title: 'Immutability policy deleted',
    sentence: '{actor} deleted the immutability policy {details.pattern} of {project|namespace}',
    description: 'It locks nothing any more. What it locked stays locked until an owner releases it.',
    details: z.strictObject({ ...policyState, description }),
    severity: 'warning',
    elsewhere: { quay: ['delete_immutability_policy'] },
  }),
  'policy.immutability.release': eventType({
    ...strictProject,
    title: 'Locks of a policy released',
    sentence: '{actor} released what the immutability policy {details.pattern} no longer calls for',
    description:
      'An owner chose, with a reason, to unlock what a deleted or narrowed policy alone had locked. A run unlocks tag by tag, each with an event.',
    details: z.strictObject({ ...policyState, reason: erasable(z.string()) }),
    severity: 'warning',
    elsewhere: {},
  }),
  'policy.immutability.preview': eventType({
    ...strictProject,
    retention: 'routine',
    title: 'Immutability policy previewed',
    sentence: '{actor} asked what the immutability policy {details.pattern} would lock',
    description: 'Nothing was changed. `tags` were looked at, which is all of them where `complete` is true.',
    details: z.strictObject({
      pattern: word,
      matches: z.boolean(),
      tags: z.int(),
      wouldLock: z.int(),
      complete: z.boolean(),
    }),
    severity: 'info',
    elsewhere: {},
  }),
  'policy.run.finish': eventType({
    ...strictProject,
    title: 'Policy run finished',
    sentence:
      'A policy run locked {details.locked} and unlocked {details.unlocked} tags of {project|namespace}',
    description:
      'Once for the whole run, where its policy stands; and, for a policy on a namespace, once for each project in which it locked or unlocked anything or left anything locked. Each tag has an event besides. The cause is the policy’s event.',
    details: z.strictObject({
      policyId,
      version: z.int(),
      scope,
      /** `from` is absent where the policy is new. */
      pattern: z.strictObject({ from: word.optional(), to: word }),
      matches: z.boolean(),
      what: z.enum(['lock', 'release']),
      of: z.enum(['run', 'project']),
      /** Tags looked at. */
      tags: z.int(),
      locked: z.int(),
      unlocked: z.int(),
      /** Locked by this policy, no longer called for by it. */
      stillLocked: z.int(),
      sample,
      durationMs: z.int(),
      /** true: the policy changed again on the way, and another run has taken over. */
      superseded: z.boolean(),
    }),
    severity: 'notice',
    elsewhere: { quay: ['tags_made_immutable_by_policy'] },
  }),
  'container.tag.lock': eventType({
    ...strictProject,
    title: 'Tag made immutable',
    sentence: '{actor} made the tag {details.tag} of {project} immutable',
    description:
      'A tag that was there is locked: by hand, or by a run of a policy. A tag that is born locked is told by the event that created or moved it. `previous` is `locked` where a policy took over the lock of another that was released.',
    details: z.strictObject({
      tag: word,
      digest: z.string(),
      trigger: z.enum(lockTriggers),
      previous: z.enum(['unlocked', 'locked']),
      policy: policySnapshot.optional(),
      hits: policyHits.optional(),
      note: erasable(z.string()).optional(),
      /** An immutable tag has no end: this one was taken away. */
      expiryCleared: z.string().optional(),
    }),
    severity: 'notice',
    elsewhere: { quay: ['change_tag_immutability', 'tag_made_immutable_by_policy'] },
  }),
  'container.tag.unlock': eventType({
    ...strictProject,
    title: 'Tag unlocked',
    sentence: '{actor} unlocked the tag {details.tag} of {project}',
    description:
      'A tag may be moved and deleted again: unlocked by an owner by hand, or by the release of what a policy had locked. Policies leave it alone until it is moved, or until one of them is changed or made anew.',
    details: z.strictObject({
      tag: word,
      digest: z.string(),
      by: z.enum(['request', 'release']),
      reason: erasable(z.string()),
      /** The lock that ended. */
      lock: z.strictObject({
        trigger: z.enum(lockTriggers),
        since: z.string(),
        eventId: z.string(),
        policyId: z.string().optional(),
      }),
    }),
    severity: 'warning',
    elsewhere: { quay: ['change_tag_immutability'] },
  }),
} as const;
