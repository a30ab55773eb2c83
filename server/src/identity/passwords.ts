/**
 * Password hashes: argon2id in PHC strings, checked on purpose slowly, on the thread pool that also serves the disk.
 * So only a few run at once, a bounded number wait, and the rest are turned away with `rate_limited`.
 */
import { argon2, timingSafeEqual } from 'node:crypto';
import { AppError, invalid } from '../domain/error.ts';
import { secretBytes } from '../stdx/random.ts';
import type { IdentityLimits } from './limits.ts';
import { claimedKindOf } from './secrets.ts';

export const passwordLength = { min: 8, max: 512 } as const;

type Cost = { memoryKib: number; passes: number; lanes: number };
type Phc = Cost & { salt: Buffer; tag: Buffer };
const saltBytes = 16;
const tagBytes = 32;
/** Of a stored hash; whoever can write the database could otherwise make one check take the machine. */
const highestCost = { memoryKib: 1_048_576, passes: 64, lanes: 16 } as const;

export class Passwords {
  readonly #cost: Cost;
  readonly #atOnce: number;
  readonly #maxWaiting: number;
  /** Compared with when there is no such account, so that it costs the same. */
  readonly #nobody: Phc;
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  /** Checks done since start, those for nobody included. */
  checks = 0;

  constructor(limits: Pick<IdentityLimits, 'argon2' | 'passwordChecksAtOnce' | 'passwordChecksWaiting'>) {
    this.#cost = { ...limits.argon2, lanes: 1 };
    this.#atOnce = limits.passwordChecksAtOnce;
    this.#maxWaiting = limits.passwordChecksWaiting;
    this.#nobody = { ...this.#cost, salt: secretBytes(saltBytes), tag: secretBytes(tagBytes) };
  }

  /** The PHC string to store. Throws `invalid` for a password that is too short or too long. */
  async hash(password: string): Promise<string> {
    requirePassword(password);
    const salt = secretBytes(saltBytes);
    const tag = await this.#inTurn(() => derive(password, { ...this.#cost, salt }));
    const { memoryKib, passes, lanes } = this.#cost;
    return `$argon2id$v=19$m=${memoryKib},t=${passes},p=${lanes}$${base64(salt)}$${base64(tag)}`;
  }

  /** Undefined = there is nothing to compare with: costs the same and is false. */
  async isRight(phc: string | undefined, password: string): Promise<boolean> {
    const parsed = phc === undefined ? undefined : parsePhc(phc);
    const against = parsed ?? this.#nobody;
    const tag = await this.#inTurn(() => {
      this.checks++;
      return derive(password, against);
    });
    return timingSafeEqual(tag, against.tag) && parsed !== undefined;
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#atOnce) {
      if (this.#waiting.length >= this.#maxWaiting) throw overloaded();
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#running++;
    }
    try {
      return await work();
    } finally {
      // Hands its place on, so that nobody slips in between.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running--;
    }
  }
}

function requirePassword(password: string): void {
  const { min, max } = passwordLength;
  if ([...password].length < min)
    throw invalid('password', `The password is too short: use at least ${min} characters.`);
  if (Buffer.byteLength(password) > max)
    throw invalid('password', `The password is too long: use at most ${max} bytes.`);
  // It would be taken for a token and never be found.
  if (claimedKindOf(password) !== undefined)
    throw invalid('password', 'That is a token. Choose a password of your own.');
}

function derive(
  password: string,
  { memoryKib, passes, lanes, salt }: Cost & { salt: Buffer },
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // Unicode has several ways to write one text; keyboards differ in which they send.
    const message = Buffer.from(password.normalize('NFKC'));
    const parameters = {
      message,
      nonce: salt,
      parallelism: lanes,
      tagLength: tagBytes,
      memory: memoryKib,
      passes,
    };
    argon2('argon2id', parameters, (error, tag) => (error ? reject(error) : resolve(tag)));
  });
}

/** Undefined for anything but a PHC string of argon2id, version 19, with costs within reason. */
function parsePhc(text: string): Phc | undefined {
  const match =
    /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{43})$/.exec(
      text,
    );
  if (!match) return undefined;
  const [memoryKib, passes, lanes] = match.slice(1, 4).map(Number) as [number, number, number];
  const tooMuch =
    memoryKib > highestCost.memoryKib || passes > highestCost.passes || lanes > highestCost.lanes;
  if (tooMuch || passes < 1 || lanes < 1 || memoryKib < 8 * lanes) return undefined;
  return {
    memoryKib,
    passes,
    lanes,
    salt: Buffer.from(match[4] as string, 'base64'),
    tag: Buffer.from(match[5] as string, 'base64'),
  };
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}

function overloaded(): AppError {
  return new AppError(
    'rate_limited',
    'Too many passwords are being checked at this moment. Wait a few seconds and try again.',
    {
      reason: 'rate_limited',
      retryAfterSeconds: 3,
    },
  );
}
