/** `tallyman admin log-key` straight on the data folder, while no server runs. */
import { readConfig } from '../../config/read.ts';
import { AppError, invalid } from '../../domain/error.ts';
import { KeyFiles } from '../../trail/log/key-files.ts';
import { isOrigin, replaceKey } from '../../trail/log/keys.ts';
import { Log } from '../../trail/log/log.ts';
import type { LogKeeper, LogKeyState } from './log-keeper.ts';
import { openFolder } from './open-folder.ts';

/** Long enough for the copies of a checkpoint. */
const finishMs = 10_000;

/** Throws `conflict` while a server uses the data folder or the database. */
export async function openFolderLog(configFile: string | undefined): Promise<LogKeeper> {
  const config = readConfig({ file: configFile });
  const { store, by, close } = await openFolder(config);
  const parts = { db: store.db, clock: store.clock, trail: store.trail, server: () => by };
  const withLog = async (work: (log: Log) => Promise<unknown>): Promise<LogKeyState> => {
    const log = await Log.open({ ...parts, settings: config });
    try {
      await work(log);
      return { origin: log.origin, key: log.vkey };
    } finally {
      log.close();
    }
  };
  return {
    show: () => withLog(async () => undefined),
    // What is done is signed, too, before the folder is let go.
    rotate: () =>
      withLog(async (log) => {
        await log.rotateKey(by);
        await log.tryFinish(finishMs);
      }),
    create: async (origin) => {
      if (!isOrigin(origin))
        throw invalid(
          'origin',
          'The name must be a host, with a port and path perhaps, such as registry.example.org/log-2.',
        );
      const configured = config.checkpoint.origin;
      if (configured !== undefined && configured !== origin)
        throw new AppError(
          'conflict',
          `checkpoint.origin is ${configured}. Set it to ${origin} first, or remove it.`,
        );
      await replaceKey({ ...parts, files: new KeyFiles(config.checkpoint.keyPath) }, origin);
      return withLog((log) => log.tryFinish(finishMs));
    },
    [Symbol.asyncDispose]: close,
  };
}
