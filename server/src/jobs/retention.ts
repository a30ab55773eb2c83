/** The retention run as a job: what has come of age is dropped, once a day and whenever an administrator asks. */
import { type Follower, followSome } from '../trail/forget/follow.ts';
import { type RetentionRunParts, retainStep } from '../trail/forget/retention.ts';
import type { JobKind } from './kind.ts';

export type RetentionJobParts = RetentionRunParts & {
  follower: Follower;
  /** Makes the space of dropped rows usable again; on SQLite it is so at once. */
  reclaim: () => Promise<void>;
};

const dayMs = 86_400_000;

export function retentionKind(parts: RetentionJobParts): JobKind {
  return {
    kind: 'retention',
    summary: 'Drops bodies of events whose time has passed',
    everyMs: dayMs,
    step: async ({ progress: before, save }) => {
      // The last run's numbers stand until this one has begun.
      const progress = before.ended === 1 ? {} : before;
      const { more, progress: reached } = await retainStep(parts, { progress, save });
      if (more || (await followSome(parts.db, parts.follower))) return { next: 'more' };
      if ((reached.dropped ?? 0) > 0) await parts.reclaim();
      return { progress: { dropped: 0, kept: 0, ...reached, ended: 1 }, next: 'done' };
    },
  };
}
