/**
 * The trail's writing side: the only ways an event comes to be. `record` joins a change's unit of work; `read` tells of
 * an access that was allowed; `attempt` of one that was refused. All three count the metric, so no call site does.
 */
import { declarationOf, type EventType, type RefusalType, type SwitchName } from '@tallyman/contract';
import type { Db, Tx } from '../db/store.ts';
import type { Clock } from '../stdx/clock.ts';
import { type Appender, appendTo } from './appender.ts';
import { Attempts } from './attempts.ts';
import type { EventDraft, RefusalDraft } from './draft.ts';
import { sealDraft } from './seal.ts';
import { Switches } from './switches.ts';
import { isUnwritable, type ReadsWhenUnwritable, UnrecordedReads } from './unrecorded-reads.ts';

export type TrailParts = {
  db: Db;
  clock: Clock;
  /** What events that change nothing are written by; default: the database. */
  appender?: Appender;
  /** Default: refuse. */
  readsWhenUnwritable?: ReadsWhenUnwritable;
};

export class Trail {
  readonly switches = new Switches();
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #appender: Appender;
  readonly #attempts: Attempts;
  readonly #readsWhenUnwritable: ReadsWhenUnwritable;
  readonly #unrecordedReads: UnrecordedReads;
  /** `type outcome reason` -> how many, since start. */
  readonly counts = new Map<string, number>();
  #sweeping: NodeJS.Timeout | undefined;

  constructor(parts: TrailParts) {
    const { db, clock, appender = appendTo({ db, clock }), readsWhenUnwritable = 'refuse' } = parts;
    this.#db = db;
    this.#clock = clock;
    this.#appender = appender;
    this.#readsWhenUnwritable = readsWhenUnwritable;
    this.#unrecordedReads = new UnrecordedReads({ clock });
    this.#attempts = new Attempts({ write: (draft) => this.#append(draft), clock });
  }

  /** Loads the switches and begins to close quiet refusals. */
  async start(): Promise<void> {
    await this.switches.load(this.#db.read);
    this.#sweeping = setInterval(() => void this.trySweep(), 1_000);
    this.#sweeping.unref();
  }

  /** Writes the closing events of everything still open. */
  async stop(): Promise<void> {
    clearInterval(this.#sweeping);
    await this.#tryTellReads();
    await this.#attempts.flush();
  }

  /**
   * Records a change in the unit that makes it: both commit, or neither. Lock or change the rows first. Returns the
   * event's id, to be the cause of others.
   */
  record<T extends EventType>(tx: Tx, draft: EventDraft<T>): string {
    const sealed = sealDraft(draft as unknown as EventDraft, this.#clock);
    tx.append(sealed);
    tx.afterCommit(() => this.#count(draft as unknown as EventDraft));
    return sealed.id;
  }

  /**
   * Records something allowed that changed nothing (a pull, a sign-in). Resolves when durable: answer after it. Where
   * the administrator lets reads go on while the trail cannot be written, it may resolve to undefined: only counted.
   */
  async read<T extends EventType>(draft: EventDraft<T>): Promise<string | undefined> {
    const plain = draft as unknown as EventDraft;
    try {
      return await this.#append(plain);
    } catch (error) {
      const goesOn = this.#readsWhenUnwritable === 'allow' && declarationOf(plain.type).mayGoUnrecorded;
      if (!goesOn || !isUnwritable(error)) throw error;
      this.#unrecordedReads.note();
      this.#count(plain);
      return undefined;
    }
  }

  /**
   * Records a refusal, folded with its like. Resolves when it may be answered. `groups` names further switches of which
   * any one being on is enough: a failed sign-in is recorded when the switch of what was attempted is on.
   */
  async attempt<T extends RefusalType>(
    draft: RefusalDraft<T>,
    groups: readonly SwitchName[] = [],
  ): Promise<void> {
    const plain = draft as unknown as RefusalDraft;
    const { group } = declarationOf(plain.type);
    const namespaceId = plain.scope.namespace?.id;
    if (group !== undefined && ![group, ...groups].some((name) => this.switches.isOn(name, namespaceId))) {
      this.switches.countUnrecorded(group, namespaceId);
      this.#count(plain);
      return;
    }
    await this.#attempts.note(plain);
  }

  /** Closes refusals that have gone quiet. What cannot be written now is tried with the next. */
  async trySweep(): Promise<void> {
    await Promise.all([this.#tryTellReads(), this.#attempts.sweep().catch(() => {})]);
  }

  /** Since the start, for metrics. */
  get unrecordedReads(): number {
    return this.#unrecordedReads.total;
  }

  /** Writes the closing events of everything open, and goes on: what is about to be erased must not come back with one. */
  async closeAttempts(): Promise<void> {
    await this.#attempts.flush();
  }

  /** Open folds, for metrics. */
  get openAttempts(): number {
    return this.#attempts.size;
  }

  async #tryTellReads(): Promise<void> {
    const write = (draft: EventDraft): Promise<string> => this.#append(draft);
    await this.#unrecordedReads.tell({ probe: () => this.#db.probe(), write }).catch(() => {});
  }

  async #append(draft: EventDraft): Promise<string> {
    const id = await this.#appender.append(draft);
    this.#count(draft);
    return id;
  }

  #count(draft: EventDraft): void {
    const key = `${draft.type} ${draft.outcome ?? 'success'} ${draft.reason ?? ''}`;
    const repeats =
      'repeats' in draft.details
        ? (draft.details.repeats as { count: number } | undefined)?.count
        : undefined;
    this.counts.set(key, (this.counts.get(key) ?? 0) + (repeats ?? 1));
  }
}
