/** The one doorway to randomness: ids, salts, secrets, jitter. */
import { randomBytes, randomFillSync } from 'node:crypto';

const pool = Buffer.allocUnsafe(16_384);
let used = pool.length;

function take(bytes: number): number {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  return used - bytes;
}

/** RFC 9562 UUIDv7 of a time in microseconds; the twelve bits after the milliseconds carry their fraction. */
export function uuidv7(us: number): string {
  const ms = Math.floor(us / 1000);
  const fraction = Math.floor(((us - ms * 1000) * 4096) / 1000);
  const at = take(8);
  const time = ms.toString(16).padStart(12, '0');
  const rand = pool.toString('hex', at, at + 8);
  const variant = ((Number.parseInt(rand[0] as string, 16) & 3) | 8).toString(16);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${fraction.toString(16).padStart(3, '0')}-${variant}${rand.slice(1, 4)}-${rand.slice(4)}`;
}

const saltLength = 22;
let saltText = '';
let saltAt = 0;

/** 22 base64url characters, 132 random bits: the salt of one commitment. */
export function nextSalt(): string {
  if (saltAt + saltLength > saltText.length) {
    saltText = randomBytes(saltLength * 3 * 256).toString('base64url');
    saltAt = 0;
  }
  saltAt += saltLength;
  return saltText.slice(saltAt - saltLength, saltAt);
}

/** Random bytes for secrets; never from a pool. */
export function secretBytes(bytes: number): Buffer {
  return randomBytes(bytes);
}

/** A number in [0, 1) for jitter; not for secrets. */
export function jitter(): number {
  return Math.random();
}
