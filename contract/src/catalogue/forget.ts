/**
 * Forgetting: how long events are kept, holds that stop it, and the erasure of persons. None of these carries what it
 * erased, and those that say why something is missing from the log are kept for as long as the log.
 */
import { z } from 'zod';
import { change, erasable, eventType } from './kind.ts';

const strictForget = {
  reasons: [],
  audience: 'system',
  retention: 'evidence',
  mode: 'strict',
  version: 1,
} as const;

/** The classes whose time can be set; `evidence` is always kept. */
export const settableRetention = ['project', 'account', 'routine'] as const;
export const holdKinds = ['namespace', 'project', 'user'] as const;
export const erasureKinds = ['user', 'name', 'address'] as const;

const retentionClass = z.enum(settableRetention);
/** Without `days`: for ever. */
const keeping = z.strictObject({
  days: z.int().optional(),
  /** What owners of namespaces may choose from; absent = nothing. */
  namespaces: z.strictObject({ shortestDays: z.int(), longestDays: z.int().optional() }).optional(),
  /** A namespace that follows the server. */
  follows: z.literal('server').optional(),
});
const hold = z.strictObject({
  holdId: z.string(),
  kind: z.enum(holdKinds),
  subjectId: z.string(),
  note: erasable(z.string()),
});
/** Which indexes an event speaks of: those between `from` and `to` that event_gap or event_erasure give its id. */
const touched = {
  from: z.int(),
  to: z.int(),
  count: z.int(),
  /** SHA-256, base64url, over the leaf hashes of those events in the order of their indexes. */
  digest: z.string(),
};
const erasure = { erasureId: z.string(), subjectKind: z.enum(erasureKinds), userId: z.string().optional() };
const found = { events: z.int(), entries: z.int() };

export const forgetTypes = {
  'trail.retention.change': eventType({
    ...strictForget,
    audience: 'account',
    retention: 'account',
    title: 'Retention changed',
    sentence: '{actor} changed how long {details.class} events are kept',
    description:
      'How long events of a class are kept: for the server (system scope), with the bounds within which owners of namespaces may choose; or for a namespace. `days` is absent where they are kept for ever.',
    details: z.strictObject({ class: retentionClass, keep: change(keeping) }),
    severity: 'critical',
    elsewhere: {},
  }),
  'trail.retention.drop': eventType({
    ...strictForget,
    title: 'Events dropped',
    sentence: 'Retention dropped {details.count} {details.class} events',
    description:
      'Bodies of events whose time had passed were deleted, with their private rows. Their leaf hashes stay in the log, so every proof stays valid.',
    details: z.strictObject({ class: retentionClass, ...touched, cutoff: z.string() }),
    severity: 'notice',
    elsewhere: {},
  }),
  'trail.hold.place': eventType({
    ...strictForget,
    title: 'Legal hold placed',
    sentence: '{actor} placed a legal hold on {target}',
    description:
      'Nothing of this namespace, project or user is dropped by retention, and none of it is erased.',
    details: hold,
    severity: 'critical',
    elsewhere: {},
  }),
  'trail.hold.lift': eventType({
    ...strictForget,
    title: 'Legal hold lifted',
    sentence: '{actor} lifted a legal hold on {target}',
    description: 'Retention and erasure may touch it again.',
    details: hold,
    severity: 'critical',
    elsewhere: {},
  }),
  'trail.erasure.request': eventType({
    ...strictForget,
    title: 'Erasure previewed',
    sentence: '{actor} asked what an erasure would remove',
    description:
      'The whole trail is looked through for a person or an address. Nothing is removed yet. Who it is stands here as an id or not at all.',
    details: z.strictObject(erasure),
    severity: 'warning',
    elsewhere: {},
  }),
  'trail.erasure.confirm': eventType({
    ...strictForget,
    title: 'Erasure begun',
    sentence: '{actor} began an erasure',
    description: 'What the preview found, and what came since, is being removed for good.',
    details: z.strictObject({ ...erasure, ...found }),
    severity: 'critical',
    elsewhere: {},
  }),
  'trail.erasure.cancel': eventType({
    ...strictForget,
    title: 'Erasure given up',
    sentence: '{actor} gave up an erasure before it began',
    description: 'A preview was thrown away, or nobody confirmed it in time. Nothing was removed.',
    details: z.strictObject(erasure),
    severity: 'notice',
    elsewhere: {},
  }),
  'trail.erasure.remove': eventType({
    ...strictForget,
    title: 'Entries erased',
    sentence: 'An erasure removed {details.entries} entries of {details.count} events',
    description:
      'Private entries were deleted from events. What the log hashes stays as it was, so every proof stays valid, and what others had been shown can still be proved.',
    details: z.strictObject({ erasureId: z.string(), ...touched, entries: z.int() }),
    severity: 'notice',
    elsewhere: {},
  }),
  'trail.erasure.finish': eventType({
    ...strictForget,
    title: 'Erasure finished',
    sentence: 'An erasure was finished: {details.entries} entries of {details.events} events',
    description:
      'Nothing of the person or address is left in the trail, in the account tables, in the search index or in free pages of the database. What it cannot reach, backups and what was sent elsewhere, is said in docs/operating.',
    details: z.strictObject({ ...erasure, ...found }),
    severity: 'critical',
    elsewhere: {},
  }),
  'system.job.request': eventType({
    ...strictForget,
    retention: 'account',
    title: 'Job asked for',
    sentence: '{actor} asked for the job {details.kind} to run now',
    description: 'Work that the server does by itself was asked for before its time.',
    details: z.strictObject({ kind: z.string() }),
    severity: 'info',
    elsewhere: {},
  }),
} as const;
