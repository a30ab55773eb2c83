/** How events that change nothing (allowed reads, refusals) become durable: joined with whatever commits next. */
import type { Db } from '../db/store.ts';
import type { Clock } from '../stdx/clock.ts';
import type { EventDraft } from './draft.ts';
import { sealDraft } from './seal.ts';

export interface Appender {
  /** Resolves with the event's id once it is durable. Rejects with `unavailable` when it cannot be written now. */
  append(draft: EventDraft): Promise<string>;
}

export function appendTo({ db, clock }: { db: Db; clock: Clock }): Appender {
  return {
    async append(draft) {
      const sealed = sealDraft(draft, clock);
      await db.append([sealed]);
      return sealed.id;
    },
  };
}
