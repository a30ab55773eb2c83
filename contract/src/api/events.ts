/**
 * Reading the trail: what may be asked of it, the page that answers, and the event as the API shows it. A filter takes
 * several values (repeat the parameter): any one of them matches; all filters given must match.
 */
import { z } from 'zod';
import { severities } from '../catalogue/kind.ts';
import {
  credentialKinds,
  eventSchema,
  namespaceKinds,
  outcomes,
  principalKinds,
  projectFormats,
  timestampSchema,
} from '../event.ts';
import { reasons } from '../reasons.ts';
import { timeInputSchema } from './shapes.ts';

export const eventViewKinds = ['me', 'namespace', 'project', 'administration'] as const;
export type EventViewKind = (typeof eventViewKinds)[number];

/** An evidence bundle, docs/spec/bundle.md. */
export const bundleMediaType = 'application/vnd.tallyman.bundle';
/** A header of bundles: how many events matched whose public body says more than the reader may know. */
export const leftOutHeader = 'x-events-left-out';

/** Most values of one filter. */
export const maxFilterValues = 50;
export const maxEventsPerPage = 500;

const many = <S extends z.ZodType>(one: S) =>
  z
    .union([one, z.array(one).min(1).max(maxFilterValues)])
    .transform((given) => (Array.isArray(given) ? given : [given]) as z.output<S>[])
    .optional();
const word = z.string().min(1).max(512);

export const eventFilterShape = {
  /** A type (`container.tag.create`), or a family with its dot (`container.tag.`). */
  type: many(z.string().min(1).max(100)),
  /** Id or name, as it was at the time. */
  actor: many(word),
  actorKind: many(z.enum(principalKinds)),
  /** Id or name of whoever it was done for. */
  onBehalfOf: many(word),
  /** Id of what was presented. */
  credential: many(word),
  credentialKind: many(z.enum(credentialKinds)),
  /** Id or name. */
  namespace: many(word),
  /** Id, or `namespace/name`. */
  project: many(word),
  /** Id or name. */
  target: many(word),
  targetKind: many(z.string().min(1).max(60)),
  outcome: many(z.enum(outcomes)),
  reason: many(z.enum(reasons)),
  /** An address or a range: `203.0.113.7`, `203.0.113.0/24`, `2001:db8::/32`. */
  ip: many(z.string().min(1).max(60)),
  /** Any part of the user agent, in any case. */
  userAgent: many(word),
  requestId: many(word),
  /** Id of the event that brought it about. */
  cause: many(z.string().min(1).max(60)),
  /** When it occurred, to the microsecond; `from` is included, `to` is not. */
  from: timeInputSchema.optional(),
  to: timeInputSchema.optional(),
  /** Words that must all stand somewhere in the event, in any case. */
  text: z.string().min(1).max(512).optional(),
  /** `merged`: a refusal and the count of its repeats are one row. `rows`: each event is a row. */
  repeats: z.enum(['merged', 'rows']).optional(),
};
export const eventFilterSchema = z.strictObject(eventFilterShape);
export type EventFilter = z.output<typeof eventFilterSchema>;
/** As a caller writes it: one value or a list of them. */
export type EventFilterInput = z.input<typeof eventFilterSchema>;

export const eventQuerySchema = z.strictObject({
  /**
   * Whose events: one's own (default); those of one `namespace` or one `project`, which that filter then names; or all,
   * for administrators and auditors.
   */
  view: z.enum(eventViewKinds).default('me'),
  ...eventFilterShape,
  /** `next` or `previous` of another page. Opaque. */
  cursor: z.string().min(1).max(1024).optional(),
  limit: z.coerce.number<number | string>().int().min(1).max(maxEventsPerPage).default(50),
});
export type EventQuery = z.output<typeof eventQuerySchema>;

const shownScopeSchema = z.strictObject({
  namespace: z
    .strictObject({ kind: z.enum(namespaceKinds), id: z.string(), name: z.string().optional() })
    .optional(),
  project: z
    .strictObject({ format: z.enum(projectFormats), id: z.string(), path: z.string().optional() })
    .optional(),
});

/** The repeats of a refusal, which were counted and not recorded one by one. */
export const shownRepeatsSchema = z.strictObject({
  count: z.int(),
  firstAt: timestampSchema,
  lastAt: timestampSchema,
  samples: z.array(z.string()).optional(),
  /** The closing event that counted them. */
  id: z.string(),
  index: z.int(),
});
export type ShownRepeats = z.infer<typeof shownRepeatsSchema>;

/** An event as one reader may see it: a field that is erased or not for this reader is absent, and named in `withheld`. */
export const shownEventSchema = eventSchema.omit({ scope: true }).extend({
  scope: shownScopeSchema,
  /** Its place in the log. */
  index: z.int(),
  title: z.string(),
  /** What happened, in one sentence. */
  sentence: z.string(),
  severity: z.enum(severities),
  repeats: shownRepeatsSchema.optional(),
  /** The event it followed from, when a single event is asked for. */
  causedBy: z
    .strictObject({
      id: z.string(),
      type: z.string(),
      title: z.string(),
      actor: z.strictObject({
        kind: z.enum(principalKinds),
        id: z.string().optional(),
        name: z.string().optional(),
      }),
    })
    .optional(),
  /** JSON Pointers. */
  withheld: z.array(z.string()),
});
export type ShownEvent = z.infer<typeof shownEventSchema>;

export const eventPageSchema = z.strictObject({
  /** Newest first. */
  items: z.array(shownEventSchema),
  /** Cursor of older events; null when there are none. */
  next: z.string().nullable(),
  /** Cursor of newer events: those recorded later, too. */
  previous: z.string(),
  /** Set when the search index is behind: events from this index on may be missing. */
  completeTo: z.int().optional(),
  /** true: so many events were looked through that this page was ended early; `next` goes on from there. */
  partial: z.boolean().optional(),
});
export type EventPage = z.infer<typeof eventPageSchema>;
