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

/** Of an export: it holds what matches below this index. */
export const exportUntilHeader = 'x-events-until';
/** Of an export: how many events it has, where that is known beforehand; a few too many while events keep coming. */
export const exportTotalHeader = 'x-events-total';

export const histogramValues = ['outcome', 'type'] as const;
export const histogramIntervals = ['hour', 'day'] as const;
/** Most hours or days of one histogram. */
export const maxBuckets = 1_000;

/** As events.list, without pages. Without `from` the last 30 days, or 48 hours, are counted. */
export const eventHistogramQuerySchema = eventQuerySchema.omit({ cursor: true, limit: true }).extend({
  by: z.enum(histogramValues).default('outcome'),
  interval: z.enum(histogramIntervals).default('day'),
});
export type EventHistogramQuery = z.output<typeof eventHistogramQuerySchema>;

/**
 * `events`: as many as a list with the same filter has, except that an event which only counts the repeats of a refusal is
 * not one (but is with `repeats=rows`). `repeats`: how many further refusals those counted, by when they were written down.
 */
const countsSchema = z.strictObject({ events: z.int(), repeats: z.int() });
export type EventCounts = z.infer<typeof countsSchema>;

/** What every count says of how whole it is. */
const wholenessShape = {
  /** Set when the search index is behind: events from this index on may be missing. */
  completeTo: z.int().optional(),
  /** Set when not every event could be looked at: of those before this index some are missing. Ask for less time. */
  countedFrom: z.int().optional(),
};

export const eventHistogramSchema = z.strictObject({
  by: z.enum(histogramValues),
  interval: z.enum(histogramIntervals),
  from: timestampSchema,
  to: timestampSchema.optional(),
  total: countsSchema,
  /** Hours or days (UTC) in which something is, oldest first. */
  buckets: z.array(
    z.strictObject({
      at: timestampSchema,
      counts: z.array(countsSchema.extend({ value: z.string() })),
    }),
  ),
  ...wholenessShape,
});
export type EventHistogram = z.infer<typeof eventHistogramSchema>;

export const facetNames = [
  'type',
  'outcome',
  'reason',
  'actor',
  'credential',
  'namespace',
  'project',
  'ip',
] as const;
export type FacetName = (typeof facetNames)[number];

/** As events.list, without pages. Without `from` all of the past is counted. */
export const eventFacetsQuerySchema = eventQuerySchema.omit({ cursor: true, limit: true }).extend({
  facet: many(z.enum(facetNames)),
  /** Most values of each facet. */
  values: z.coerce.number<number | string>().int().min(1).max(100).default(10),
});
export type EventFacetsQuery = z.output<typeof eventFacetsQuerySchema>;

export const eventFacetsSchema = z.strictObject({
  facets: z.array(
    z.strictObject({
      facet: z.enum(facetNames),
      /** The most frequent first. Each value can be asked for by the filter of the facet's name. */
      values: z.array(countsSchema.extend({ value: z.string(), name: z.string().optional() })),
      /** There are further values. */
      more: z.boolean(),
      countedFrom: wholenessShape.countedFrom,
    }),
  ),
  completeTo: wholenessShape.completeTo,
});
export type EventFacets = z.infer<typeof eventFacetsSchema>;
