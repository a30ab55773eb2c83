/** The one doorway to randomness: ids, salts, secrets, jitter. */
import { randomBytes } from 'node:crypto';

/** Hex digits of random bytes, made many at a time: ids are made several times per request. */
const hexLength = 16;
let hexText = '';
let hexAt = 0;

function takeHex(): string {
  if (hexAt + hexLength > hexText.length) {
    hexText = randomBytes(8_192).toString('hex');
    hexAt = 0;
  }
  hexAt += hexLength;
  return hexText.slice(hexAt - hexLength, hexAt);
}

/** By their value: the version digit 7 with the twelve bits after it, and the variant digit of each random one. */
const fractions = Array.from({ length: 4_096 }, (_, value) => `-7${value.toString(16).padStart(3, '0')}-`);
const variants = new Map([...'0123456789abcdef'].map((digit, value) => [digit, '89ab'[value & 3] as string]));

let lastMs = -1;
let lastTime = '';

/** RFC 9562 UUIDv7 of a time in microseconds; the twelve bits after the milliseconds carry their fraction. */
export function uuidv7(us: number): string {
  const ms = Math.floor(us / 1000);
  if (ms !== lastMs) {
    const time = ms.toString(16).padStart(12, '0');
    lastMs = ms;
    lastTime = `${time.slice(0, 8)}-${time.slice(8)}`;
  }
  const fraction = fractions[Math.floor(((us - ms * 1000) * 4096) / 1000)] as string;
  const rand = takeHex();
  return `${lastTime}${fraction}${variants.get(rand[0] as string)}${rand.slice(1, 4)}-${rand.slice(4)}`;
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
