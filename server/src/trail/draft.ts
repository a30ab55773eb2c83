/** What a call site says about an event; the trail adds id, times and versions. */
import type {
  Actor,
  Credential,
  EventDetails,
  EventType,
  OnBehalfOf,
  Outcome,
  Reason,
  RefusalType,
  RequestFacts,
  Scope,
  Target,
} from '@tallyman/contract';

/** Who did it, with what, from where. Every `Caller` is one; so is a refused claim, with `actor.proven` false. */
export type Performer = {
  actor: Actor;
  onBehalfOf?: OnBehalfOf;
  credential: Credential;
  request: RequestFacts;
};

export type EventDraft<T extends EventType = EventType> = {
  type: T;
  by: Performer;
  /** Empty = the system scope. */
  scope: Scope;
  target?: Target;
  /** Default: success. */
  outcome?: Outcome;
  reason?: Reason;
  /** Id of the event that brought this one about. */
  cause?: string;
  /** HTTP status of the answer, when it is known. */
  status?: number;
  /** Microseconds; default: now. */
  occurredAtUs?: number;
  details: EventDetails<T>;
};

/** A refusal; `source` is the limiter's key of where it came from (`Caller.source`). */
export type RefusalDraft<T extends RefusalType = RefusalType> = EventDraft<T> & {
  outcome: 'denied' | 'failed';
  reason: Reason;
  source: string;
  /** What stood in the way, by id: refusals that differ in it are not alike, and are not folded into one. */
  blockedBy?: string;
};
