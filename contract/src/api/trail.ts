/** Endpoints of the audit trail; their query and page schemas are events.ts. */
import { z } from 'zod';
import { severities, switchNames } from '../catalogue/kind.ts';
import { outcomes } from '../event.ts';
import { reasons } from '../reasons.ts';
import {
  bundleMediaType,
  eventFacetsQuerySchema,
  eventFacetsSchema,
  eventHistogramQuerySchema,
  eventHistogramSchema,
  eventPageSchema,
  eventQuerySchema,
  shownEventSchema,
} from './events.ts';
import type { ApiRoute } from './route.ts';
import { idSchema } from './shapes.ts';

/** One type of the catalogue, as filters and pages need it. */
export const eventTypeInfoSchema = z.strictObject({
  type: z.string(),
  /** `account`, `container`, …: the first word of the type. */
  family: z.string(),
  title: z.string(),
  sentence: z.string(),
  description: z.string(),
  severity: z.enum(severities),
  outcomes: z.array(z.enum(outcomes)),
  reasons: z.array(z.enum(reasons)),
  /** The switch it follows. */
  group: z.enum(switchNames).nullable(),
});
export type EventTypeInfo = z.infer<typeof eventTypeInfoSchema>;
export const eventTypesSchema = z.strictObject({ items: z.array(eventTypeInfoSchema), next: z.null() });

export const exportFormats = ['ndjson', 'csv', 'bundle'] as const;
const indexInput = z.coerce.number<number | string>().int().min(0).max(Number.MAX_SAFE_INTEGER);
export const eventListQuerySchema = eventQuerySchema.extend({
  /** What `Accept` says for programs, for a link in a browser, which then saves the answer as it comes. */
  export: z.enum(exportFormats).optional(),
  /**
   * To go on with an export as NDJSON or CSV that broke off: only events after this index (that of the last event which
   * arrived whole), and only below this one (what `x-events-until` said). The two parts together are the whole.
   */
  after: indexInput.optional(),
  until: indexInput.optional(),
});

/** As events.list; `cursor` (`previous` of a page) continues that page without a gap. */
export const eventTailQuerySchema = eventQuerySchema.omit({ limit: true });
export type EventTailQuery = z.output<typeof eventTailQuerySchema>;

const reads = { permission: 'reads_trail', scope: 'events:read', refusal: 'api.action.refuse' } as const;

export const trailRoutes = {
  'events.list': {
    ...reads,
    method: 'GET',
    path: '/api/v1/events',
    summary:
      'Events that concern one, newest first; when asked for by Accept or `export` as NDJSON or CSV without end, or as an evidence bundle of up to 100,000',
    query: eventListQuerySchema,
    status: 200,
    response: eventPageSchema,
    formats: ['application/x-ndjson', 'text/csv', bundleMediaType],
    records: ['trail.events.read', 'trail.events.export'],
    errors: ['forbidden', 'not_found'],
  },
  'events.tail': {
    ...reads,
    method: 'GET',
    path: '/api/v1/events/tail',
    summary: 'Events as they come, as server-sent events; Last-Event-ID resumes without gap or double',
    query: eventTailQuerySchema,
    status: 200,
    formats: ['text/event-stream'],
    records: ['trail.events.export'],
    errors: ['forbidden', 'not_found'],
  },
  'events.histogram': {
    ...reads,
    method: 'GET',
    path: '/api/v1/events/histogram',
    summary: 'How many events there were by hour or day, for any filter of events.list',
    query: eventHistogramQuerySchema,
    status: 200,
    response: eventHistogramSchema,
    records: ['trail.events.read'],
    errors: ['forbidden', 'not_found'],
  },
  'events.facets': {
    ...reads,
    method: 'GET',
    path: '/api/v1/events/facets',
    summary:
      'Which types, outcomes, reasons, actors, … the events have, and how often, for any filter of events.list',
    query: eventFacetsQuerySchema,
    status: 200,
    response: eventFacetsSchema,
    records: ['trail.events.read'],
    errors: ['forbidden', 'not_found'],
  },
  'events.types': {
    method: 'GET',
    path: '/api/v1/events/types',
    summary: 'The catalogue of event types, for filters',
    status: 200,
    response: eventTypesSchema,
    permission: 'anyone',
    records: [],
    refusal: 'api.action.refuse',
    errors: [],
  },
  'events.get': {
    ...reads,
    method: 'GET',
    path: '/api/v1/events/{event}',
    summary: 'One event, without the fields one may not read',
    params: z.strictObject({ event: idSchema }),
    status: 200,
    response: shownEventSchema,
    records: ['trail.events.read'],
    errors: ['not_found'],
  },
  'events.proof': {
    ...reads,
    method: 'GET',
    path: '/api/v1/events/{event}/proof',
    summary:
      'One event as an evidence bundle: with what one may read of it, its proof and a signed checkpoint',
    params: z.strictObject({ event: idSchema }),
    status: 200,
    formats: [bundleMediaType],
    records: ['trail.events.read'],
    errors: ['not_found', 'forbidden'],
  },
} as const satisfies Record<string, ApiRoute>;
