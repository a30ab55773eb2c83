/** What the command line reads from the environment to ask a server. */
import { Secret } from '../stdx/secret.ts';
import type { Environment } from './read.ts';

export type ClientSettings = { url: string | undefined; token: Secret | undefined };

export function readClientSettings(env: Environment = process.env): ClientSettings {
  const token = env.TALLYMAN_TOKEN?.trim();
  return { url: env.TALLYMAN_URL?.trim() || undefined, token: token ? new Secret(token) : undefined };
}
