/** `tallyman backup`: a copy of everything, beside the server or without it. */
import { resolve } from 'node:path';
import { childEnvironment } from '../config/child-environment.ts';
import { readClientSettings } from '../config/client.ts';
import type { Config } from '../config/config.ts';
import { readConfig } from '../config/read.ts';
import { AppError } from '../domain/error.ts';
import { serverItself } from '../main/life-events.ts';
import { locationOf } from '../main/location.ts';
import { version } from '../main/version.ts';
import { systemClock } from '../stdx/clock.ts';
import { ApiClient } from './api-client.ts';
import type { Command, Input, Terminal } from './command.ts';
import { configFlag, serverFlags } from './flags.ts';

export const backup: Command = {
  name: 'backup',
  summary: 'Copy everything to a folder, while the server runs or not',
  description: [
    'Makes a folder that is laid out as a data folder: a consistent copy of the database, every blob it names, the registry’s key and the newest checkpoint. Writers are not held up. On the same file system blobs are hard links, which take no room; --copy makes copies of them.',
    'The key that signs the log is left out unless --with-log-key is given: whoever has it and the database can write another history. Keep it in a safe place of its own; a restored server needs it.',
    'PostgreSQL is copied by pg_dump, which must be installed; with --without-database the rest is copied, for those who back the database up by its own means. Blobs in an object storage are not copied: use its versioning or replication.',
    'That a backup is made is an event, recorded before the first byte. While the server runs, it is asked to record it: set TALLYMAN_TOKEN to an administrator’s token with the scope admin. Without TALLYMAN_TOKEN the server must be stopped while the command begins. Whether a copy is whole is told by tallyman fsck --data FOLDER --deep.',
  ],
  positionals: [{ name: 'FOLDER', description: 'Where to; made, or empty.' }],
  flags: {
    'with-log-key': { description: 'Also copy the key that signs the log.' },
    'without-database': { description: 'PostgreSQL: leave the database out.' },
    copy: { description: 'Copy blobs, never link them.' },
    ...configFlag,
    ...serverFlags,
  },
  examples: [
    { line: 'TALLYMAN_TOKEN=… tallyman backup /backup/2026-11-22', says: 'beside the running server' },
    { line: 'tallyman backup --copy /mnt/backup', says: 'to another file system, beside a stopped server' },
  ],
  run: async (input, terminal) => {
    const config = readConfig({ file: input.text('config') });
    const folder = resolve(input.positional(0));
    const withoutDatabase = input.on('without-database');
    const { makeBackup, requireEmptyFolder } = await import('../backup/backup.ts');
    if (config.database.engine === 'postgres' && !withoutDatabase) {
      const { requirePgDump } = await import('../db/snapshot-file.ts');
      await requirePgDump(childEnvironment);
    }
    await requireEmptyFolder(folder);
    const eventId = await record(config, input);
    const report = await makeBackup(placeOf(config), folder, {
      clock: systemClock(),
      version,
      eventId,
      withoutDatabase,
      withLogKey: input.on('with-log-key'),
      copyBlobs: input.on('copy'),
      environment: childEnvironment,
    });
    tell(report, { folder, terminal, config });
    return 0;
  },
};

function placeOf(config: Config) {
  const { dataDir, blobsUrl, checkpoint } = config;
  return { location: locationOf(config), dataDir, blobsUrl, logKeyPath: checkpoint.keyPath };
}

/** The id of the event. */
async function record(config: Config, input: Input): Promise<string> {
  const withLogKey = input.on('with-log-key');
  const settings = readClientSettings();
  if (settings.token !== undefined) {
    const client = new ApiClient(settings, input.text('url'));
    return (await client.ask('backups.create', { body: { withLogKey } })).eventId;
  }
  const { openOffline } = await import('../main/offline.ts');
  const { store, close } = await openOffline(config).catch((error: unknown) => {
    throw isInUse(error) ? serverRuns(error) : error;
  });
  try {
    const by = serverItself(store.clock);
    return await store.db.transact(async (tx) =>
      store.trail.record(tx, {
        type: 'system.backup.make',
        by: { ...by, actor: { ...by.actor, id: 'command line', name: 'command line' } },
        scope: {},
        details: { database: config.database.engine, withLogKey },
      }),
    );
  } finally {
    await close();
  }
}

function isInUse(error: unknown): boolean {
  return error instanceof AppError && (error.code === 'conflict' || error.code === 'unavailable');
}

function serverRuns(cause: unknown): AppError {
  const why = cause instanceof Error ? cause.message : '';
  return new AppError(
    'conflict',
    `${why} To make a backup beside the running server, set TALLYMAN_TOKEN: the server records that it was made.`,
    { cause },
  );
}

type Told = { folder: string; terminal: Terminal; config: Config };

function tell(
  report: Awaited<ReturnType<typeof import('../backup/backup.ts').makeBackup>>,
  told: Told,
): void {
  const { folder, terminal, config } = told;
  const { blobs, events, database, withLogKey } = report;
  terminal.out(`${folder}: ${events} events${database === null ? ', without the database' : ''}`);
  if (blobs === null) terminal.err('Blobs are in an object storage and are not in the backup.');
  else
    terminal.out(
      `${blobs.count} blobs, ${blobs.bytes} bytes${blobs.linked > 0 ? ', hard links: copy the folder to another disk' : ''}`,
    );
  if (!withLogKey) terminal.err(`The log’s signing key is not in it: ${config.checkpoint.keyPath}`);
}
