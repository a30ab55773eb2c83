/**
 * One event by itself: its bytes are those of an event, its private row opens its commitments and leaves none closed
 * without a reason, and its times agree with its id and with the events before it.
 */
import { type EventError, openEvent, parseBody } from '@tallyman/verifier';
import { parseTimeUs } from '../stdx/clock.ts';
import { nodeSha256 } from '../trail/seal.ts';
import type { Tell } from './findings.ts';

/**
 * How far the time of an event may lie before that of one with a lower index: an event takes its time when it is
 * recorded and its index when it commits, and units commit beside each other. docs/operating/fsck.md says the same.
 */
export const toleranceUs = 60_000_000;

/** `fields` is undefined when there is no private row. `excused`: an erasure tells why private entries are missing. */
export type StoredEvent = { index: number; body: string; fields: string | undefined; excused: boolean };

type Read = { id: string; recordedUs: number; startsProcess: boolean };

/** Goes through the events in the order of the log. Holds some 20 MB at most. */
export class EventChecks {
  readonly #tell: Tell;
  readonly #nowUs: number;
  #latestUs = 0;
  #recent = new Set<string>();
  #before = new Set<string>();

  constructor({ tell, nowUs }: { tell: Tell; nowUs: number }) {
    this.#tell = tell;
    this.#nowUs = nowUs;
  }

  check(event: StoredEvent): void {
    const read = this.#read(event);
    if (read === undefined) return;
    this.#checkId(event.index, read);
    this.#checkTime(event.index, read);
  }

  #read({ index, body, fields, excused }: StoredEvent): Read | undefined {
    try {
      const opening = fields === undefined ? { body } : { body, private: fields };
      const { event, withheld } = openEvent({ ...opening, sha256: nodeSha256 });
      if (withheld.length > 0 && !excused) this.#tellWithheld(index, fields, withheld);
      return readOf(event as unknown as Envelope);
    } catch (error) {
      return this.#tellBroken(index, body, error as EventError);
    }
  }

  #tellWithheld(index: number, fields: string | undefined, withheld: readonly string[]): void {
    const which = withheld.slice(0, 5).join(', ') + (withheld.length > 5 ? ', …' : '');
    const what = fields === undefined ? 'private_row_missing' : 'private_entry_missing';
    const there = fields === undefined ? 'has no private row' : 'has a private row that is not whole';
    this.#tell.error(what, `event ${index} ${there}, and no erasure says why: nothing opens ${which}`, index);
  }

  /** The body may be whole beside a private row that is not. */
  #tellBroken(index: number, body: string, error: EventError): Read | undefined {
    const why = error.message;
    let event: Envelope;
    try {
      event = parseBody(body) as unknown as Envelope;
    } catch {
      this.#tell.error(
        'body_malformed',
        `event ${index} is not an event any more: its body is ${why}`,
        index,
      );
      return undefined;
    }
    this.#tell.error(
      'private_row_wrong',
      `event ${index}: its private row does not belong to its body: ${why}`,
      index,
    );
    return readOf(event);
  }

  /** An id is made of the time at which the event was recorded, so neither can be changed alone. */
  #checkId(index: number, { id, recordedUs }: Read): void {
    const inId = idTime(id);
    if (inId.ms !== Math.floor(recordedUs / 1000) || inId.fraction !== fractionOf(recordedUs)) {
      this.#tell.error(
        'id_and_time_differ',
        `event ${index}: its id ${id} was made at another time than the one it says it was recorded at`,
        index,
      );
    }
    if (this.#recent.has(id) || this.#before.has(id)) {
      this.#tell.error('id_repeated', `event ${index} has the id ${id}, which an earlier event has`, index);
    }
    this.#recent.add(id);
    if (this.#recent.size < idsRemembered) return;
    this.#before = this.#recent;
    this.#recent = new Set();
  }

  #checkTime(index: number, { recordedUs, startsProcess }: Read): void {
    if (recordedUs > this.#nowUs + toleranceUs) {
      const aheadSeconds = Math.floor((recordedUs - this.#nowUs) / 1e6);
      this.#tell.error('time_ahead', `event ${index} was recorded ${aheadSeconds} s in the future`, index);
      return;
    }
    const backUs = this.#latestUs - recordedUs;
    if (backUs > toleranceUs) {
      const seconds = Math.floor(backUs / 1e6);
      if (startsProcess) {
        this.#tell.notice(
          'clock_set_back',
          `before event ${index} the clock was set back by ${seconds} s`,
          index,
        );
        this.#latestUs = recordedUs;
      } else {
        this.#tell.error(
          'backdated',
          `event ${index} says it was recorded ${seconds} s before events that come before it`,
          index,
        );
      }
    }
    this.#latestUs = Math.max(this.#latestUs, recordedUs);
  }
}

/** In each of two sets; ids further apart than that differ in time by more than they may. */
const idsRemembered = 100_000;

type Envelope = {
  id: string;
  type: string;
  recordedAt: string;
  actor: { kind?: unknown; id?: unknown };
};

function readOf({ id, type, recordedAt, actor }: Envelope): Read {
  // A process never turns its clock back; between two of them somebody may have.
  const startsProcess =
    actor.kind === 'system' && (type === 'system.server.start' || actor.id === 'command line');
  return { id, recordedUs: parseTimeUs(recordedAt) ?? 0, startsProcess };
}

/** Of a UUIDv7 as stdx/random.ts makes it. */
function idTime(id: string): { ms: number; fraction: number } {
  const hex = id.replaceAll('-', '');
  return { ms: Number.parseInt(hex.slice(0, 12), 16), fraction: Number.parseInt(hex.slice(13, 16), 16) };
}

function fractionOf(us: number): number {
  return Math.floor(((us - Math.floor(us / 1000) * 1000) * 4096) / 1000);
}
