/** The data folder for a command that changes it while no server runs. */
import type { Config } from '../../config/config.ts';
import { AppError } from '../../domain/error.ts';
import { serverItself } from '../../main/life-events.ts';
import { type Offline, openOffline } from '../../main/offline.ts';
import type { Performer } from '../../trail/draft.ts';

/** `by`: whoever can write the data folder: the machine's operator, whom this server does not know by name. */
export type OpenFolder = Offline & { by: Performer };

/** Throws `conflict` while a server uses the data folder or the database. */
export async function openFolder(config: Config): Promise<OpenFolder> {
  const offline = await openOffline(config).catch((error: unknown) => {
    throw isInUse(error) ? serverRuns(error) : error;
  });
  const by = serverItself(offline.store.clock);
  return { ...offline, by: { ...by, actor: { ...by.actor, id: 'command line', name: 'command line' } } };
}

function isInUse(error: unknown): boolean {
  return error instanceof AppError && (error.code === 'conflict' || error.code === 'unavailable');
}

function serverRuns(cause: unknown): AppError {
  const why = cause instanceof Error ? cause.message : '';
  return new AppError(
    'conflict',
    `${why} To ask the running server instead, set TALLYMAN_URL and TALLYMAN_TOKEN.`,
    { cause },
  );
}
