/** The database and accounts without a server, for commands that change them while none runs. */
import type { Config } from '../config/config.ts';
import { lockFolder } from '../db/folder-lock.ts';
import { openDb } from '../db/open.ts';
import { identityLimits } from '../identity/limits.ts';
import type { IdentityStore } from '../identity/parts.ts';
import { Passwords } from '../identity/passwords.ts';
import { systemClock } from '../stdx/clock.ts';
import { Trail } from '../trail/trail.ts';
import { locationOf } from './location.ts';
import { makeDataFolder } from './server-folder.ts';

export type Offline = { store: IdentityStore; close(): Promise<void> };

/** Migrates. Holds the folder's lock, and with PostgreSQL the sequencer's, until it is closed. */
export async function openOffline(config: Config): Promise<Offline> {
  await using opened = new AsyncDisposableStack();
  await makeDataFolder(config.dataDir);
  const lock = lockFolder(config.dataDir);
  opened.defer(() => lock.release());
  const db = await openDb(locationOf(config));
  opened.defer(() => db.close());
  const clock = systemClock();
  const trail = new Trail({ db, clock });
  const store = { db, clock, trail, limits: identityLimits, passwords: new Passwords(identityLimits) };
  const held = opened.move();
  return { store, close: () => held.disposeAsync() };
}
