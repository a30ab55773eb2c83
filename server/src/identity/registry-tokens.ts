/**
 * Registry tokens: what /v2/auth hands out and bearer requests bring back. A JWT (RFC 7519) signed with HMAC-SHA-256,
 * of one fixed header, so no other algorithm can be asked for. It says who asked and what was granted; whether that
 * account and credential still live is read on every request.
 */
import { createHmac, hash, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { Caller, Grant } from '../domain/caller.ts';
import { BoundedCache } from '../stdx/bounded-cache.ts';
import { uuidv7 } from '../stdx/random.ts';

const grantSchema = z.object({
  project: z.string(),
  requested: z.array(z.string()),
  granted: z.array(z.string()),
});
const claimsSchema = z.object({
  iss: z.string(),
  /** Principal, `user:<id>` or `robot:<id>`; absent = anonymous. */
  sub: z
    .string()
    .regex(/^(user|robot):/)
    .optional(),
  iat: z.int(),
  exp: z.int(),
  jti: z.string(),
  /** Credential id, absent for a password; then `pwd` says which: when it was set, in microseconds. */
  cid: z.string().optional(),
  pwd: z.int().optional(),
  grants: z.array(grantSchema),
});
export type RegistryClaims = z.infer<typeof claimsSchema>;

const head = encode({ alg: 'HS256', typ: 'JWT' });
const maxTokenLength = 8_000;

export type RegistryTokenParts = {
  key: Uint8Array;
  issuer: string;
  lifetimeMs: number;
  cacheEntries: number;
};

export class RegistryTokens {
  readonly #parts: RegistryTokenParts;
  /** By the token's hash: verified signatures. */
  readonly #verified: BoundedCache<RegistryClaims>;

  constructor(parts: RegistryTokenParts) {
    this.#parts = parts;
    this.#verified = new BoundedCache(parts.cacheEntries);
  }

  issue(
    who: { caller: Caller | undefined; passwordChangedAtUs: number | undefined },
    grants: readonly Grant[],
    nowMs: number,
  ) {
    const { caller } = who;
    const issuedAt = Math.floor(nowMs / 1000);
    const expiresInSeconds = Math.floor(this.#parts.lifetimeMs / 1000);
    const known = caller?.actor.id !== undefined;
    const byPassword = known && caller.credential.kind === 'password';
    const claims: RegistryClaims = {
      iss: this.#parts.issuer,
      ...(known && { sub: `${caller.actor.kind}:${caller.actor.id}` }),
      iat: issuedAt,
      exp: issuedAt + expiresInSeconds,
      jti: uuidv7(nowMs * 1000),
      ...(known && !byPassword && caller.credential.id !== undefined && { cid: caller.credential.id }),
      ...(byPassword && { pwd: who.passwordChangedAtUs ?? 0 }),
      grants: grants.map(({ project, requested, granted }) => ({
        project,
        requested: [...requested],
        granted: [...granted],
      })),
    };
    const body = `${head}.${encode(claims)}`;
    return {
      token: `${body}.${this.#sign(body)}`,
      expiresInSeconds,
      issuedAt: new Date(issuedAt * 1000).toISOString(),
    };
  }

  /** Undefined when it is malformed or not ours; its time is the caller's to judge. */
  verify(token: string): RegistryClaims | undefined {
    if (token.length > maxTokenLength) return undefined;
    const key = hash('sha256', token, 'base64url');
    const known = this.#verified.get(key);
    if (known) return known;
    const claims = this.#check(token);
    if (claims) this.#verified.set(key, claims);
    return claims;
  }

  #check(token: string): RegistryClaims | undefined {
    const [header, payload, signature, more] = token.split('.');
    if (header !== head || payload === undefined || signature === undefined || more !== undefined)
      return undefined;
    const expected = Buffer.from(this.#sign(`${header}.${payload}`));
    const given = Buffer.from(signature);
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
    const parsed = claimsSchema.safeParse(JSON.parse(Buffer.from(payload, 'base64url').toString()));
    return parsed.success && parsed.data.iss === this.#parts.issuer ? parsed.data : undefined;
  }

  #sign(body: string): string {
    return createHmac('sha256', this.#parts.key).update(body).digest('base64url');
  }
}

/** Whether a bearer has the form of a JWT, so that it is judged as a registry token. */
export function looksLikeRegistryToken(text: string): boolean {
  return text.split('.', 4).length === 3;
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
