/**
 * Secrets that this server makes: tokens a scanner recognises by prefix and checksum, and which are stored as a hash.
 *
 *   tly_pat_ 30 characters of [0-9A-Za-z], 178 random bits   6 characters: CRC-32 of all before it, in base 62
 *
 * A session's secret has 43 characters, 256 bits. A text without the right checksum was never a token of ours.
 */
import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { secretBytes } from '../stdx/random.ts';
import { Secret } from '../stdx/secret.ts';

export type TokenKind = 'access_token' | 'app_token' | 'oauth_token' | 'robot_token' | 'session';

const prefixes: Readonly<Record<TokenKind, string>> = {
  access_token: 'tly_pat_',
  app_token: 'tly_app_',
  oauth_token: 'tly_oat_',
  robot_token: 'tly_bot_',
  session: 'tly_ses_',
};
const kinds = new Map(Object.entries(prefixes).map(([kind, prefix]) => [prefix, kind as TokenKind]));
const prefixLength = 8;
const checksumLength = 6;
const randomLength = 30;
const sessionLength = 43;
const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const form = /^tly_[a-z]{3}_[0-9A-Za-z]{36,49}$/;

export type MadeSecret = {
  secret: Secret;
  /** What is stored. */
  hash: string;
  /** First characters, for people to recognise it by; gives away 24 of its bits. */
  hint: string;
};

export function createSecret(kind: TokenKind): MadeSecret {
  const body = prefixes[kind] + randomText(kind === 'session' ? sessionLength : randomLength);
  const text = body + checksumOf(body);
  return { secret: new Secret(text), hash: hashSecret(text), hint: text.slice(0, prefixLength + 4) };
}

/** The kind of a text that has the form and checksum of a token of ours; whether it exists is another question. */
export function tokenKindOf(text: string): TokenKind | undefined {
  if (!form.test(text)) return undefined;
  const body = text.slice(0, -checksumLength);
  return checksumOf(body) === text.slice(-checksumLength)
    ? kinds.get(text.slice(0, prefixLength))
    : undefined;
}

/** The kind a text claims by its prefix alone: for naming what somebody mistyped. */
export function claimedKindOf(text: string): TokenKind | undefined {
  return kinds.get(text.slice(0, prefixLength));
}

/** SHA-256, base64url: secrets are random enough that no slow hash is needed. */
export function hashSecret(text: string): string {
  return hash('sha256', text, 'base64url');
}

function randomText(length: number): string {
  let text = '';
  while (text.length < length) {
    // 248 = 4 * 62: higher bytes would favour the first characters.
    for (const byte of secretBytes(length * 2))
      if (byte < 248 && text.length < length) text += alphabet[byte % 62];
  }
  return text;
}

function checksumOf(body: string): string {
  let left = crc32(body);
  let text = '';
  for (let at = 0; at < checksumLength; at++) {
    text = alphabet[left % 62] + text;
    left = Math.floor(left / 62);
  }
  return text;
}
