/**
 * The first administrator: from the configuration, or by a one-time code that only whoever sees the server's terminal
 * knows, so that nobody else on the network can take a new server.
 */
import { hash, timingSafeEqual } from 'node:crypto';
import type { Config } from '../config/config.ts';
import { AppError } from '../domain/error.ts';
import type { IdentityStore } from '../identity/parts.ts';
import { createFirstAdmin, hasUsers } from '../identity/users.ts';
import { secretBytes } from '../stdx/random.ts';
import { serverItself } from './life-events.ts';

/** No letters or digits that look alike; 32 of them, so that a byte's low five bits choose one evenly. */
const alphabet = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789';
const codeLength = 20;

/** Kept in memory, hashed; a restart before the first administrator exists makes another. */
export class SetupCode {
  readonly #hash: Buffer;

  private constructor(text: string) {
    this.#hash = digest(text);
  }

  /** 100 random bits, in groups of five. */
  static create(): { code: SetupCode; text: string } {
    const letters = [...secretBytes(codeLength)].map((byte) => alphabet[byte & 31]).join('');
    return { code: new SetupCode(letters), text: letters.replace(/.{5}(?=.)/g, '$&-') };
  }

  /** Case and dashes do not matter. Constant time. */
  isRight(typed: string): boolean {
    return timingSafeEqual(digest(typed.toUpperCase().replace(/[\s-]/g, '')), this.#hash);
  }
}

function digest(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}

export type FirstStart =
  /** Somebody has an account already. */
  | { kind: 'not_first' }
  | { kind: 'admin_created'; name: string }
  /** `text` is to be shown once, on the terminal. */
  | { kind: 'code'; code: SetupCode; text: string };

export async function beginFirstStart(
  store: IdentityStore,
  firstAdmin: Config['firstAdmin'],
): Promise<FirstStart> {
  if (await hasUsers(store.db.read)) return { kind: 'not_first' };
  if (firstAdmin === undefined) return { kind: 'code', ...SetupCode.create() };
  const { user: name, password } = firstAdmin;
  try {
    await createFirstAdmin(store, { by: serverItself(store.clock), name, password: password.reveal() });
  } catch (cause) {
    throw asConfigured(cause);
  }
  return { kind: 'admin_created', name };
}

/** Names the setting at fault. */
function asConfigured(cause: unknown): unknown {
  if (!(cause instanceof AppError) || (cause.code !== 'invalid' && cause.reason !== 'name_reserved'))
    return cause;
  const key = cause.details.field === 'password' ? 'admin.password' : 'admin.user';
  return new AppError(
    'invalid',
    `The first administrator could not be created from ${key}: ${cause.message}`,
    { cause },
  );
}
