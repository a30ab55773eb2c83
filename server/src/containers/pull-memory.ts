/**
 * Which credential pulled a manifest of which project within the hour: its blob GETs are part of that pull and no events
 * of their own. Bounded; what falls out costs an event too many, never one too few.
 */
import type { Caller } from '../domain/caller.ts';
import type { Clock } from '../stdx/clock.ts';

export class PullMemory {
  readonly #until = new Map<string, number>();
  readonly #clock: Clock;
  readonly #limits: { pullCoverMs: number; pullCoverEntries: number };

  constructor(clock: Clock, limits: { pullCoverMs: number; pullCoverEntries: number }) {
    this.#clock = clock;
    this.#limits = limits;
  }

  note(caller: Caller, projectId: string): void {
    const key = keyOf(caller, projectId);
    // Deleted first, so that the Map's order is the order of use.
    this.#until.delete(key);
    if (this.#until.size >= this.#limits.pullCoverEntries) {
      this.#until.delete(this.#until.keys().next().value as string);
    }
    this.#until.set(key, this.#clock.nowMs() + this.#limits.pullCoverMs);
  }

  covers(caller: Caller, projectId: string): boolean {
    return (this.#until.get(keyOf(caller, projectId)) ?? 0) > this.#clock.nowMs();
  }
}

/** Anonymous callers have no credential in common but their source. */
function keyOf({ actor, credential, source }: Caller, projectId: string): string {
  const who = actor.kind === 'anonymous' ? source : `${actor.id}/${credential.kind}/${credential.id ?? ''}`;
  return `${projectId} ${who}`;
}
