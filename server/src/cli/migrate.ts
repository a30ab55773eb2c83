/** `tallyman migrate`: the database to the newest schema, without a server. */
import { readConfig } from '../config/read.ts';
import { locationOf } from '../main/location.ts';
import { makeDataFolder } from '../main/server-folder.ts';
import type { Command } from './command.ts';
import { configFlag } from './flags.ts';

export const migrate: Command = {
  name: 'migrate',
  summary: 'Bring the database to the newest schema',
  description: [
    '`serve` does this by itself at every start. Run it alone to see how long it takes before you stop the old server for good, or when the server may not change tables. Migrations go forward only, and each is one transaction: take a backup first.',
    'The server must not be running.',
  ],
  positionals: [],
  flags: { ...configFlag },
  examples: [
    { line: 'tallyman migrate', says: 'prints what was applied; nothing when the schema is the newest' },
  ],
  run: async (input, terminal) => {
    const config = readConfig({ file: input.text('config') });
    await makeDataFolder(config.dataDir);
    const { lockFolder } = await import('../db/folder-lock.ts');
    const { migrate: migrateDb } = await import('../db/open.ts');
    const lock = lockFolder(config.dataDir);
    try {
      const { before, after, applied } = await migrateDb(locationOf(config));
      for (const migration of applied) terminal.out(`applied ${migration}`);
      terminal.out(before === after ? `schema ${after} is the newest` : `schema ${before} became ${after}`);
    } finally {
      lock.release();
    }
    return 0;
  },
};
