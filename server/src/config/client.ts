/** What the command line reads from the environment to ask a server. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Secret } from '../stdx/secret.ts';
import type { Environment } from './read.ts';

export type ClientSettings = { url: string | undefined; token: Secret | undefined };

export function readClientSettings(env: Environment = process.env): ClientSettings {
  const token = env.TALLYMAN_TOKEN?.trim();
  return { url: env.TALLYMAN_URL?.trim() || undefined, token: token ? new Secret(token) : undefined };
}

/** Where commands keep what they have to know the next time (XDG Base Directory Specification). */
export function readStateFolder(env: Environment = process.env): string {
  return join(env.XDG_STATE_HOME?.trim() || join(homedir(), '.local', 'state'), 'tallyman');
}
