/** The server itself: start and stop, settings and switches, the trail's own readers, management refusals, limits. */
import { z } from 'zod';
import { change, erasable, eventType, refusalShape, switchNames, word } from './kind.ts';

const strictSystem = { reasons: [], audience: 'system', retention: 'account', mode: 'strict', version: 1 } as const;

export const systemTypes = {
  'system.server.start': eventType({
    ...strictSystem,
    title: 'Server started',
    sentence: 'The server started',
    description: 'A process of this server began to accept requests.',
    details: z.strictObject({ version: z.string(), database: z.enum(['sqlite', 'postgres']), cleanStop: z.boolean() }),
    severity: 'notice',
    elsewhere: {},
  }),
  'system.server.stop': eventType({
    ...strictSystem,
    title: 'Server stopped',
    sentence: 'The server stopped',
    description: 'The last event of a process that ended in order.',
    details: z.strictObject({ signal: z.string().optional() }),
    severity: 'notice',
    elsewhere: {},
  }),
  'system.setting.change': eventType({
    ...strictSystem,
    title: 'Setting changed',
    sentence: '{actor} changed the setting {details.key}',
    description: 'A setting of the server changed at run time.',
    details: z.strictObject({ key: z.string(), from: erasable(z.string()).optional(), to: erasable(z.string()).optional() }),
    severity: 'warning',
    elsewhere: {},
  }),
  'system.limit.reach': eventType({
    ...strictSystem,
    title: 'Limit reached',
    sentence: 'The limit {details.limit} was reached',
    description:
      'A protection of the whole server came into force: many failed sign-ins at once, the password check overloaded, a full queue.',
    details: z.strictObject({ limit: z.string(), count: z.int(), windowSeconds: z.int() }),
    severity: 'critical',
    elsewhere: {},
  }),
  'trail.switch.change': eventType({
    ...strictSystem,
    audience: 'account',
    title: 'Failure auditing changed',
    sentence: '{actor} set {details.group} to {details.mode.to}',
    description:
      'The recording of a group of refusals was switched: for the server (system scope) or by a namespace’s owner. When it is switched on again, `unrecorded` says how many refusals were counted meanwhile.',
    details: z.strictObject({
      group: z.enum(switchNames),
      mode: change(z.enum(['on', 'off', 'namespace'])),
      unrecorded: z.int().optional(),
    }),
    severity: 'critical',
    elsewhere: {},
  }),
  'trail.events.read': eventType({
    ...strictSystem,
    title: 'Trail read',
    sentence: '{actor} read the events of others',
    description: 'An administrator or auditor read events that are not their own: once per reader and filter in ten minutes.',
    details: z.strictObject({ view: z.enum(['administration', 'namespace', 'project', 'account']), filter: erasable(z.string()) }),
    severity: 'info',
    elsewhere: {},
  }),
  'trail.events.export': eventType({
    ...strictSystem,
    audience: 'account',
    title: 'Trail exported',
    sentence: '{actor} exported events',
    description: 'Events left the server as NDJSON or CSV. Recorded before the first byte.',
    details: z.strictObject({ format: z.enum(['ndjson', 'csv', 'tail']), filter: erasable(z.string()) }),
    severity: 'notice',
    elsewhere: { quay: ['export_logs_success'] },
  }),
  'api.action.refuse': eventType({
    version: 1,
    title: 'Management action refused',
    sentence: 'The request of {actor} for {details.attempted.action} was refused: {reason}',
    description: 'A call of the management API by somebody signed in, or by nobody, was refused.',
    details: z.strictObject({ ...refusalShape, subject: word.optional() }),
    reasons: [
      'not_signed_in', 'not_permitted', 'scope_missing', 'csrf_failed', 'namespace_unknown', 'project_unknown', 'name_reserved',
      'name_invalid', 'request_invalid', 'conflict', 'rate_limited', 'unavailable', 'method_not_allowed', 'too_large',
      'tag_immutable', 'tag_unknown', 'manifest_unknown', 'unknown_user', 'unknown_robot', 'unknown_token', 'wrong_password',
    ],
    severity: 'notice',
    audience: 'project_security',
    retention: 'account',
    mode: 'strict',
    elsewhere: {},
  }),
} as const;
