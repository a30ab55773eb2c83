/** Settings of the running server, and the four switches of failure auditing. */
import { z } from 'zod';
import { switchNames } from '../catalogue/kind.ts';
import type { ApiRoute } from './route.ts';
import { nameSchema, timeSchema } from './shapes.ts';

export const switchModes = ['on', 'off', 'namespace'] as const;
/** Said wherever a switch can be turned. */
export const switchWarning =
  'Recording refused attempts adds traffic to the trail: every refused sign-in, pull, push or deletion writes an event, and a flood of them can slow the database.';

/** What each switch records, for pages. */
export const switchTexts = {
  failed_logins: 'Refused sign-ins, on every way in',
  failed_pulls: 'Refused reads of projects',
  failed_pushes: 'Refused uploads and changes of tags',
  failed_deletions: 'Refused deletions of tags, manifests and projects',
} as const satisfies Record<(typeof switchNames)[number], string>;

export const switchSchema = z.strictObject({
  name: z.enum(switchNames),
  /** As set here. `namespace` (server only): each namespace's owner decides. */
  mode: z.enum(switchModes),
  /** Whether refusals are recorded here now. */
  recording: z.boolean(),
  /** Whether the caller may set it here: in a namespace only when the server leaves it to the namespaces. */
  settable: z.boolean(),
  changedAt: timeSchema.nullable(),
});
export type Switch = z.infer<typeof switchSchema>;
export const switchListSchema = z.strictObject({ items: z.array(switchSchema), warning: z.string() });
export type SwitchList = z.infer<typeof switchListSchema>;

/** Keys of the settings that can change while the server runs, each with its values, the first being the default. */
export const runtimeSettings = {
  'organisations.create': {
    values: ['users', 'administrators'],
    summary: 'Who may create organisations: every user, or administrators only',
  },
  'projects.delete_locked': {
    values: ['refuse', 'allow'],
    summary: 'Whether a project, user or organisation that holds immutable tags may be deleted',
  },
} as const;
export type RuntimeSettingKey = keyof typeof runtimeSettings;
export const runtimeSettingKeys = Object.keys(runtimeSettings) as [RuntimeSettingKey, ...RuntimeSettingKey[]];

export const settingSchema = z.strictObject({
  key: z.enum(runtimeSettingKeys),
  value: z.string(),
  values: z.array(z.string()),
  summary: z.string(),
  changedAt: timeSchema.nullable(),
});
export type Setting = z.infer<typeof settingSchema>;

const switchParam = z.enum(switchNames);
const administrator = { permission: 'administrator', scope: 'admin', refusal: 'api.action.refuse' } as const;
const owner = {
  permission: 'namespace_owner',
  scope: 'project:admin',
  refusal: 'api.action.refuse',
} as const;

export const settingRoutes = {
  'switches.list': {
    ...administrator,
    method: 'GET',
    path: '/api/v1/switches',
    summary: 'The four switches of failure auditing for the server',
    status: 200,
    response: switchListSchema,
    records: [],
    errors: ['forbidden'],
  },
  'switches.put': {
    ...administrator,
    method: 'PUT',
    path: '/api/v1/switches/{switch}',
    summary: 'Turn a switch on or off for the server, or leave it to the owner of each namespace',
    params: z.strictObject({ switch: switchParam }),
    body: z.strictObject({ mode: z.enum(switchModes) }),
    status: 200,
    response: switchListSchema,
    records: ['trail.switch.change'],
    errors: ['forbidden'],
  },
  'namespaces.switches.list': {
    ...owner,
    method: 'GET',
    path: '/api/v1/namespaces/{namespace}/switches',
    summary: 'The four switches of failure auditing for a namespace',
    params: z.strictObject({ namespace: nameSchema }),
    status: 200,
    response: switchListSchema,
    records: [],
    errors: ['forbidden', 'not_found'],
  },
  'namespaces.switches.put': {
    ...owner,
    method: 'PUT',
    path: '/api/v1/namespaces/{namespace}/switches/{switch}',
    summary: 'Turn a switch on or off for a namespace, when the server leaves it to its owner',
    params: z.strictObject({ namespace: nameSchema, switch: switchParam }),
    body: z.strictObject({ mode: z.enum(['on', 'off']) }),
    status: 200,
    response: switchListSchema,
    records: ['trail.switch.change'],
    errors: ['forbidden', 'not_found', 'conflict'],
  },
  'settings.list': {
    ...administrator,
    method: 'GET',
    path: '/api/v1/settings',
    summary: 'Settings that can change while the server runs',
    status: 200,
    response: z.strictObject({ items: z.array(settingSchema), next: z.null() }),
    records: [],
    errors: ['forbidden'],
  },
  'settings.put': {
    ...administrator,
    method: 'PUT',
    path: '/api/v1/settings/{key}',
    summary: 'Change a setting',
    params: z.strictObject({ key: z.enum(runtimeSettingKeys) }),
    body: z.strictObject({ value: z.string().max(100) }),
    status: 200,
    response: settingSchema,
    records: ['system.setting.change'],
    errors: ['forbidden'],
  },
} as const satisfies Record<string, ApiRoute>;
