/** Where the database is, as the database room takes it. */
import type { Config } from '../config/config.ts';
import type { DatabaseLocation } from '../db/open.ts';

export function locationOf({ database }: Config): DatabaseLocation {
  return database.engine === 'sqlite' ? database : { engine: 'postgres', url: database.url.reveal() };
}
