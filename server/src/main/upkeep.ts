/** What a container host needs done again and again, at the times that the configuration says. */
import type { Config } from '../config/config.ts';
import { expireTags } from '../containers/expiry.ts';
import { collectGarbage, type GarbageParts } from '../containers/garbage.ts';
import type { TagParts } from '../containers/tags.ts';
import type { Chore } from '../jobs/chore.ts';

const hourMs = 3_600_000;

export function upkeepChores(parts: GarbageParts & TagParts, garbage: Config['garbage']): Chore[] {
  const { untaggedDays } = garbage;
  const settings = {
    graceMs: garbage.graceHours * hourMs,
    uploadIdleMs: garbage.uploadHours * hourMs,
    ...(untaggedDays !== undefined && { untaggedAfterMs: untaggedDays * 24 * hourMs }),
  };
  return [
    { name: 'tag expiry', everyMs: garbage.expirySeconds * 1_000, run: () => expireTags(parts) },
    {
      name: 'garbage collection',
      everyMs: garbage.intervalMinutes * 60_000,
      run: () => collectGarbage(parts, settings),
    },
  ];
}
