/**
 * How an event type is declared: once, here, with everything that pages, schemas, validation, masks, audiences,
 * switches and compatibility tables derive from it. docs/development/events.md shows how to add one.
 */
import { z } from 'zod';
import { erasableEnvelope, restrictedEnvelope } from '../event.ts';
import type { Reason } from '../reasons.ts';

type Marks = { erasable?: true; restricted?: true };
const marks = z.registry<Marks>();

/** Marks a details field as chosen by, or identifying, a person: it stands in the log only as a commitment. */
export function erasable<S extends z.ZodType>(schema: S): S {
  const marked = schema.clone() as S;
  marks.add(marked, { ...marks.get(schema), erasable: true });
  return marked;
}

/** Erasable, and shown only to the person it concerns, owners, administrators and auditors. */
export function restricted<S extends z.ZodType>(schema: S): S {
  const marked = schema.clone() as S;
  marks.add(marked, { erasable: true, restricted: true });
  return marked;
}

/** A short erasable text: a name, a tag, a path. */
export const word = erasable(z.string());
/** Old and new value of something that is not erasable. */
export const change = <S extends z.ZodType>(schema: S) => z.strictObject({ from: schema, to: schema });

/** What repeated after a refusal was recorded, written once when it went quiet; `cause` is the first refusal. */
export const repeatsSchema = z.strictObject({
  count: z.int(),
  firstAt: z.string(),
  lastAt: z.string(),
  /** Up to ten of the things tried, as typed. */
  samples: restricted(z.array(z.string()).max(10)),
  /** Set when a source tried too many different things and was folded as a whole: how many refusals had other keys. */
  folded: z.enum(['key', 'source', 'reason']),
});
export type Repeats = z.infer<typeof repeatsSchema>;

/** The details that every refusal carries, whatever its type. */
export const attemptedSchema = z.strictObject({
  /** What was asked for: `pull`, `push`, `delete`, `sign_in`, or a management action such as `token.create`. */
  action: z.string(),
  /** The project or other thing named, as typed; it may not exist. */
  project: erasable(z.string()).optional(),
  /** Tag, digest or other reference tried. */
  reference: erasable(z.string()).optional(),
});
export type Attempted = z.infer<typeof attemptedSchema>;

export const refusalShape = {
  attempted: attemptedSchema,
  /** Role held and role needed, on `not_permitted`. */
  roleHeld: z.string().optional(),
  roleNeeded: z.string().optional(),
  /** Actions asked for and granted at the token endpoint, when a registry token was presented. */
  requested: z.array(z.string()).optional(),
  granted: z.array(z.string()).optional(),
  /** One clear sentence that was also the answer's text. */
  message: erasable(z.string()).optional(),
  repeats: repeatsSchema.optional(),
};

/**
 * Who may read events of a type besides administrators and auditors (who read all) and the proven actor.
 * `account`: the user, or the organisation's owners, whose namespace it is in.
 * `namespace`: the same, plus the namespace's members for organisations with no restricted field.
 * `project`: owners wholly; maintainers without restricted fields of others.
 * `project_security`: owners only.
 * `system`: nobody else.
 */
export type Audience = 'account' | 'namespace' | 'project' | 'project_security' | 'system';

/**
 * How long bodies are kept by default: for ever, 400 days, 90 days; and `evidence` always, because without it nobody
 * could tell why something is missing from the log.
 */
export type RetentionClass = 'project' | 'account' | 'routine' | 'evidence';
export const severities = ['info', 'notice', 'warning', 'critical'] as const;
export type Severity = (typeof severities)[number];
/** strict: no record, no answer. relaxed: recorded soon after the answer. */
export type Mode = 'strict' | 'relaxed';
/** The four groups of refusals an administrator can switch. */
export const switchNames = ['failed_logins', 'failed_pulls', 'failed_pushes', 'failed_deletions'] as const;
export type SwitchName = (typeof switchNames)[number];

export type EventTypeDeclaration<D extends z.ZodType = z.ZodType> = {
  /** Version of the details; starts at 1. */
  version: number;
  title: string;
  /** What people read; `{path}` is replaced from the event, `{a|b}` takes the first that is present. */
  sentence: string;
  description: string;
  details: D;
  /** Reasons this type may carry; empty for a type that only succeeds. */
  reasons: readonly Reason[];
  severity: Severity;
  audience: Audience;
  retention: RetentionClass;
  mode: Mode;
  /**
   * An allowed read that, where the administrator says so, is answered while the trail cannot be written: then it is
   * counted only, in `trail.reads.omit`.
   */
  mayGoUnrecorded?: true;
  /** The switch that turns it off, if any. */
  group?: SwitchName;
  /** Names of the same thing elsewhere. */
  elsewhere: { quay?: readonly string[] };
};

/** What changes of accounts, and of projects, have in common: version 1, never refused, always recorded. */
const strictChange = { reasons: [], mode: 'strict', version: 1 } as const;
export const strictAccount = { ...strictChange, audience: 'account', retention: 'account' } as const;
export const strictProject = { ...strictChange, audience: 'project', retention: 'project' } as const;

/** Identity function that keeps the details' type. */
export function eventType<D extends z.ZodType>(
  declaration: EventTypeDeclaration<D>,
): EventTypeDeclaration<D> {
  return declaration;
}

/** JSON Pointers of the fields of one type that carry a mark, envelope included. */
export type FieldMarks = { erasable: readonly string[]; restricted: readonly string[] };

export function fieldMarks(declaration: EventTypeDeclaration): FieldMarks {
  const found = {
    erasable: [...erasableEnvelope] as string[],
    restricted: [...restrictedEnvelope] as string[],
  };
  walk(declaration.details, '/details', found);
  return found;
}

function walk(schema: z.ZodType, pointer: string, found: { erasable: string[]; restricted: string[] }): void {
  const inner = unwrap(schema);
  const mark = { ...marks.get(schema), ...marks.get(inner) };
  if (mark.restricted) found.restricted.push(pointer);
  if (mark.erasable) {
    found.erasable.push(pointer);
    return;
  }
  if (inner instanceof z.ZodObject) {
    for (const [key, value] of Object.entries(inner.shape))
      walk(value as z.ZodType, `${pointer}/${key}`, found);
    return;
  }
  if (inner instanceof z.ZodArray) requireUnmarked(inner.element as z.ZodType, pointer);
}

/** A list is erased as a whole: a mark within one would leave its values in the log for ever. */
function requireUnmarked(element: z.ZodType, pointer: string): void {
  const found = { erasable: [] as string[], restricted: [] as string[] };
  walk(element, pointer, found);
  if (found.erasable.length > 0) throw new Error(`mark the list ${pointer}, not what stands in it`);
}

function unwrap(schema: z.ZodType): z.ZodType {
  let inner: z.ZodType = schema;
  while (inner instanceof z.ZodOptional || inner instanceof z.ZodNullable)
    inner = inner.unwrap() as z.ZodType;
  return inner;
}
