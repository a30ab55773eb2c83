/** The log's name, key and signed size; and the rotation of its key. */
import { encodeBase64 } from '@tallyman/verifier';
import { formatUs } from '../stdx/clock.ts';
import type { Log } from '../trail/log/log.ts';
import type { ApiHandlers } from './call.ts';

export function logHandlers({ eventLog }: { eventLog: Log }): ApiHandlers<'log.get' | 'log.rotate_key'> {
  return {
    'log.get': async () => {
      const { published, withholding } = eventLog.state();
      const checkpoint = published && {
        size: published.size,
        root: encodeBase64(published.root),
        signedAt: formatUs(published.signedAtUs),
      };
      const { origin, vkey: key } = eventLog;
      return { origin, key, checkpoint: checkpoint ?? null, withheld: withholding ?? null };
    },
    'log.rotate_key': async ({ caller }) => {
      const { origin, vkey: formerKey } = eventLog;
      return { origin, key: await eventLog.rotateKey(caller), formerKey };
    },
  };
}
