/** From a draft to the event's stored bytes. Field order is canonical already, so sealing need not sort. */
import { hash } from 'node:crypto';
import {
  type AuditEvent,
  declarationOf,
  type EventType,
  eventTypes,
  fieldMarks,
  type RequestFacts,
} from '@tallyman/contract';
import { compileErasable, type ErasableFields, type Sha256, sealEvent } from '@tallyman/verifier';
import type { SealedEvent } from '../db/store.ts';
import { type Clock, formatUs } from '../stdx/clock.ts';
import { nextSalt, uuidv7 } from '../stdx/random.ts';
import type { EventDraft } from './draft.ts';

export const nodeSha256: Sha256 = {
  text: (utf8) => hash('sha256', utf8, 'base64url'),
  // A third of the cost of a hash object, or of asking for a Buffer.
  bytes: (data) => Buffer.from(hash('sha256', data, 'latin1'), 'latin1'),
};

const erasableOf = new Map<EventType, { fields: ErasableFields; version: number }>(
  eventTypes.map((type) => {
    const declaration = declarationOf(type);
    return [
      type,
      { fields: compileErasable(fieldMarks(declaration).erasable), version: declaration.version },
    ];
  }),
);

export type SealedDraft = SealedEvent & { id: string };

/** Free text from outside is cut here: an event must never be too large to record. */
const maxTextLength = 512;

/** Takes the event's id and time; call it after the rows it speaks of are locked. */
export function sealDraft(draft: EventDraft, clock: Clock): SealedDraft {
  const recordedAtUs = clock.nowUs();
  const id = uuidv7(recordedAtUs);
  const recordedAt = formatUs(recordedAtUs);
  const { fields, version } = erasableOf.get(draft.type) as { fields: ErasableFields; version: number };
  const { by } = draft;
  const event = {
    actor: sorted(by.actor, ['id', 'kind', 'name', 'proven']),
    ...(draft.cause !== undefined && { cause: draft.cause }),
    credential: sorted(by.credential, ['fingerprint', 'id', 'kind', 'name', 'scopes']),
    details:
      draft.reason === undefined ? draft.details : (safeDetails(draft.details) as EventDraft['details']),
    id,
    occurredAt: draft.occurredAtUs === undefined ? recordedAt : formatUs(draft.occurredAtUs),
    ...(by.onBehalfOf && { onBehalfOf: sorted(by.onBehalfOf, ['id', 'kind', 'name']) }),
    outcome: draft.outcome ?? 'success',
    ...(draft.reason !== undefined && { reason: draft.reason }),
    recordedAt,
    request: requestOf(by.request, draft.status),
    scope: draft.scope,
    ...(draft.target && { target: sorted(draft.target, ['id', 'kind', 'name']) }),
    type: draft.type,
    v: 1,
    version,
  } satisfies AuditEvent;
  const sealed = sealEvent(event, { erasable: fields, nextSalt, sha256: nodeSha256 });
  return { id, body: sealed.body, private: sealed.private };
}

function requestOf(request: RequestFacts, status: number | undefined): RequestFacts {
  const { userAgent } = request;
  const whole = { ...request, ...(status !== undefined && { status }) };
  if (userAgent !== undefined) whole.userAgent = safeText(userAgent);
  return sorted(whole, ['id', 'ip', 'method', 'protocol', 'route', 'status', 'userAgent']);
}

/** Well-formed and of bounded length, for anything a stranger typed. */
export function safeText(text: string): string {
  const cut = text.length > maxTextLength ? `${text.slice(0, maxTextLength)}…` : text;
  return cut.toWellFormed();
}

/** A refusal's details hold what a stranger typed, so every text in them is made safe: it must always be recordable. */
function safeDetails(value: unknown): unknown {
  if (typeof value === 'string') return safeText(value);
  if (Array.isArray(value)) return value.map(safeDetails);
  if (typeof value !== 'object' || value === null) return value;
  const present = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(present.map(([key, item]) => [key, safeDetails(item)]));
}

/** The present fields in the given order. */
function sorted<T extends object>(value: T, keys: readonly (keyof T & string)[]): T {
  const out: Record<string, unknown> = {};
  for (const key of keys) if (value[key] !== undefined) out[key] = value[key];
  return out as T;
}
