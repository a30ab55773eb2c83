/** What accounts and the container host need done again and again; when, the configuration says. */
import { resumeDeletions } from '../access/deletions.ts';
import type { Config } from '../config/config.ts';
import { expireTags } from '../containers/expiry.ts';
import { collectGarbage, type GarbageParts } from '../containers/garbage.ts';
import type { TagParts } from '../containers/tags.ts';
import type { Chore } from '../jobs/chore.ts';
import { systemPerformer } from '../trail/system-performer.ts';
import { containerNouns } from './api-containers.ts';

const hourMs = 3_600_000;

export function upkeepChores(parts: GarbageParts & TagParts, garbage: Config['garbage']): Chore[] {
  const { untaggedDays } = garbage;
  const settings = {
    graceMs: garbage.graceHours * hourMs,
    uploadIdleMs: garbage.uploadHours * hourMs,
    ...(untaggedDays !== undefined && { untaggedAfterMs: untaggedDays * 24 * hourMs }),
  };
  const leftover = {
    by: systemPerformer(parts.clock, 'account deletion'),
    deleteContent: containerNouns(parts).deleteContent,
  };
  return [
    { name: 'account deletion', everyMs: 60_000, run: () => resumeDeletions(parts, leftover) },
    { name: 'tag expiry', everyMs: garbage.expirySeconds * 1_000, run: () => expireTags(parts) },
    {
      name: 'garbage collection',
      everyMs: garbage.intervalMinutes * 60_000,
      run: () => collectGarbage(parts, settings),
    },
  ];
}
