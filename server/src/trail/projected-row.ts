/**
 * From an event's stored bytes to its row in the search projection: ids as texts (the store numbers them), names as they
 * were, and two texts to look through, because what is restricted must not be found by those who may not read it.
 */
import type { AuditEvent, EventType, Repeats } from '@tallyman/contract';
import { declarationOf, fieldMarks, isEventType } from '@tallyman/contract';
import { parseTimeUs } from '../stdx/clock.ts';
import { addressBytes } from './address.ts';
import type { Facts } from './rule.ts';

/** An event as the log holds it. `fields` is absent when the private row was deleted. */
export type StoredEvent = { idx: number; body: string; fields: string | null };

/** An event with the values that are known; each other erasable field still holds its commitment. */
export type OpenEvent = AuditEvent;

export type ProjectedRow = {
  idx: number;
  /** 16 bytes of the UUID. */
  id: Buffer;
  type: string;
  occurredUs: number;
  outcome: number;
  reason: string | null;
  actor: string | null;
  actorKind: string;
  actorName: string | null;
  proven: number;
  onBehalfOf: string | null;
  onBehalfOfName: string | null;
  credential: string | null;
  credentialKind: string;
  namespace: string | null;
  namespaceName: string | null;
  project: string | null;
  projectPath: string | null;
  target: string | null;
  targetKind: string | null;
  targetName: string | null;
  subject: string | null;
  ip: Buffer | null;
  agent: string | null;
  request: string | null;
  cause: Buffer | null;
  /** Whether it only counts the repeats of its cause, and is shown with it. */
  closing: boolean;
  /** How many further refusals it counts. */
  repeats: number | null;
  text: string;
  restrictedText: string;
};

export const outcomeNumbers = { success: 0, denied: 1, failed: 2 } as const;

/** Puts the private row's values in; their commitments are not checked here, `getEvent` and verification do that. */
export function openStored(stored: StoredEvent): OpenEvent {
  return openWithCount(stored).event;
}

/** `values`: how many values there were to put in. */
export function openWithCount({ body, fields }: StoredEvent): { event: OpenEvent; values: number } {
  const event = JSON.parse(body) as OpenEvent;
  let values = 0;
  if (fields === null) return { event, values };
  const entries = JSON.parse(fields) as Record<string, [string, unknown]>;
  for (const pointer in entries) {
    const keys = keysOf(pointer);
    const last = keys.length - 1;
    let holder: Record<string, unknown> = event as unknown as Record<string, unknown>;
    for (let at = 0; at < last; at++) holder = holder[keys[at] as string] as Record<string, unknown>;
    holder[keys[last] as string] = (entries[pointer] as [string, unknown])[1];
    values++;
  }
  return { event, values };
}

const mostPointers = 10_000;
const keysOfPointers = new Map<string, readonly string[]>();

/** There are only so many pointers: those of the catalogue's fields. */
function keysOf(pointer: string): readonly string[] {
  let found = keysOfPointers.get(pointer);
  if (!found) {
    if (keysOfPointers.size >= mostPointers) keysOfPointers.clear();
    found = pointer.slice(1).split('/');
    keysOfPointers.set(pointer, found);
  }
  return found;
}

/** What audiences look at. */
export function factsOf(event: OpenEvent): Facts {
  const { details } = event;
  const namedSubject = details.subjectKind === 'user' ? plain(details.subjectId) : undefined;
  const facts: Partial<Facts> = {
    actor: event.actor.id,
    onBehalfOf: event.onBehalfOf?.id,
    namespace: event.scope.namespace?.id,
    project: event.scope.project?.id,
    subject: event.target?.kind === 'user' ? event.target.id : namedSubject,
  } as Partial<Facts>;
  return { ...facts, type: event.type, proven: event.actor.proven };
}

export function projectRow(stored: StoredEvent): ProjectedRow {
  const event = openStored(stored);
  const { actor, onBehalfOf, credential, scope, target, request } = event;
  const texts = collectTexts(event);
  const repeats = event.details.repeats as Partial<Repeats> | undefined;
  return {
    idx: stored.idx,
    id: uuidBytes(event.id) as Buffer,
    type: event.type,
    occurredUs: parseTimeUs(event.occurredAt) ?? 0,
    outcome: outcomeNumbers[event.outcome],
    reason: event.reason ?? null,
    actor: principalKey(actor),
    actorKind: actor.kind,
    actorName: plain(actor.name) ?? null,
    proven: actor.proven ? 1 : 0,
    onBehalfOf: onBehalfOf ? principalKey(onBehalfOf) : null,
    onBehalfOfName: plain(onBehalfOf?.name) ?? null,
    credential: credential.id ?? null,
    credentialKind: credential.kind,
    namespace: scope.namespace?.id ?? null,
    namespaceName: plain(scope.namespace?.name) ?? null,
    project: scope.project?.id ?? null,
    projectPath: plain(scope.project?.path) ?? null,
    target: target?.id ?? null,
    targetKind: target?.kind ?? null,
    targetName: plain(target?.name) ?? null,
    subject: factsOf(event).subject ?? null,
    ip: (typeof request.ip === 'string' && addressBytes(request.ip)) || null,
    agent: searchable(plain(request.userAgent)) ?? null,
    request: plain(request.id) ?? null,
    cause: event.cause === undefined ? null : (uuidBytes(event.cause) ?? null),
    closing: repeats?.folded === 'key',
    repeats: repeats?.count ?? null,
    text: searchable(plain(texts.open.join('\n'))) as string,
    restrictedText: searchable(plain(texts.restricted.join('\n'))) as string,
  };
}

/** A principal that has a name but is nobody's account is found by that name. */
export function principalKey({
  id,
  name,
}: {
  id?: string | undefined;
  name?: string | undefined;
}): string | null {
  const known = plain(name);
  return id ?? (known === undefined ? null : nameKey(known));
}

export function nameKey(name: string): string {
  return `?${name}`;
}

/** NUL, which PostgreSQL cannot store, and halves of characters are replaced; a commitment is no text. */
export function plain(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  if (isPlainAscii.test(value)) return value;
  return value.toWellFormed().replaceAll('\0', '\uFFFD');
}

// Nearly all texts: spares them the slower looks.
const isPlainAscii = /^[\n -~]*$/;

/** The form in which texts are compared without regard to case. */
export function searchable(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  return (isPlainAscii.test(text) ? text : text.normalize('NFC')).toLowerCase();
}

export function uuidBytes(id: string): Buffer | undefined {
  return /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)
    ? Buffer.from(id.replaceAll('-', ''), 'hex')
    : undefined;
}

const restrictedOf = new Map<string, ReadonlySet<string>>();

/** Fields marked restricted in their type; in a type unknown here, nothing is: nobody but staff reads it. */
export function restrictedFields(type: string): ReadonlySet<string> {
  let found = restrictedOf.get(type);
  if (!found) {
    found = new Set(isEventType(type) ? fieldMarks(declarationOf(type as EventType)).restricted : []);
    if (isEventType(type)) restrictedOf.set(type, found);
  }
  return found;
}

type Texts = { open: string[]; restricted: string[] };

function collectTexts(event: OpenEvent): Texts {
  const { actor, onBehalfOf, credential, scope, target, request, details } = event;
  const found: Texts = { open: [event.type], restricted: [] };
  const add = (value: unknown): void => void (typeof value === 'string' && found.open.push(value));
  add(event.reason);
  add(actor.name);
  add(onBehalfOf?.name);
  add(credential.name);
  add(credential.fingerprint);
  add(scope.namespace?.name);
  add(scope.project?.path);
  add(target?.name);
  if (typeof request.ip === 'string') found.restricted.push(request.ip);
  if (typeof request.userAgent === 'string') found.restricted.push(request.userAgent);
  const marked = restrictedFields(event.type);
  if (hasMarkedDetails(marked)) collectDetails(details, '/details', { marked, found, into: found.open });
  else collectAll(details, found.open);
  return found;
}

/** Most types have none, and their details need not be followed by pointers. */
function hasMarkedDetails(marked: ReadonlySet<string>): boolean {
  for (const pointer of marked) if (pointer.startsWith('/details')) return true;
  return false;
}

function collectAll(value: unknown, into: string[]): void {
  if (typeof value === 'string') {
    into.push(value);
  } else if (typeof value === 'object' && value !== null) {
    const members = value as Record<string, unknown>;
    for (const key in members) if (key !== '#') collectAll(members[key], into);
  }
}

type Collecting = { marked: ReadonlySet<string>; found: Texts; into: string[] };

function collectDetails(value: unknown, pointer: string, to: Collecting): void {
  if (typeof value === 'string') {
    to.into.push(value);
  } else if (typeof value === 'object' && value !== null) {
    const members = value as Record<string, unknown>;
    for (const key in members) {
      if (key === '#') continue;
      const inner = `${pointer}/${key}`;
      const isMarked = to.marked.has(inner);
      collectDetails(members[key], inner, isMarked ? { ...to, into: to.found.restricted } : to);
    }
  }
}
