/** Where the database is, as the database room takes it. */
import { resolve } from 'node:path';
import type { Config } from '../config/config.ts';
import type { DatabaseLocation } from '../db/open.ts';

export function locationOf({ database }: Config): DatabaseLocation {
  return database.engine === 'sqlite' ? database : { engine: 'postgres', url: database.url.reveal() };
}

/** The same about another data folder: a copy, or a restored backup. PostgreSQL is where the configuration says. */
export function locationWithin(config: Config, folder: string): DatabaseLocation {
  if (config.database.engine === 'postgres') return locationOf(config);
  return { engine: 'sqlite', path: resolve(folder, 'tallyman.db') };
}
