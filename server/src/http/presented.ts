/** What a request presented as its identity, before anybody looked whether it is true. */

export type Presented =
  | { kind: 'none' }
  /** HTTP basic: a password, or any token with the user name that goes with it. */
  | { kind: 'basic'; username: string; secret: string }
  /** Bearer: an access token, OAuth token, or a registry token of ours. */
  | { kind: 'bearer'; token: string }
  /** Console cookie. */
  | { kind: 'session'; secret: string }
  /** An Authorization header that could not be read; `basic` when that is what it says it is. */
  | { kind: 'malformed'; scheme: 'basic' | 'other' };

export const sessionCookie = 'tallyman_session';
const maxHeaderLength = 8_192;

/** Reads `Authorization` (RFC 7617, RFC 6750), else the session cookie. Never throws. */
export function parsePresented(headers: {
  authorization?: string | undefined;
  cookie?: string | undefined;
}): Presented {
  const { authorization, cookie } = headers;
  if (authorization !== undefined) return parseAuthorization(authorization);
  const session = cookie === undefined ? undefined : findCookie(cookie, sessionCookie);
  return session === undefined ? { kind: 'none' } : { kind: 'session', secret: session };
}

/** On which surface it is a sign-in, for the event of one that failed. */
export function surfaceOf(presented: Presented): 'basic' | 'bearer' {
  const isBasic =
    presented.kind === 'basic' || (presented.kind === 'malformed' && presented.scheme === 'basic');
  return isBasic ? 'basic' : 'bearer';
}

function parseAuthorization(header: string): Presented {
  const malformed = { kind: 'malformed', scheme: /^basic\b/i.test(header) ? 'basic' : 'other' } as const;
  if (header.length > maxHeaderLength) return malformed;
  const match = /^(basic|bearer) +(\S+) *$/i.exec(header);
  if (!match) return malformed;
  const [, scheme, value] = match as unknown as [string, string, string];
  if (scheme.toLowerCase() === 'bearer') return { kind: 'bearer', token: value };
  const text = Buffer.from(value, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 0 || !/^[A-Za-z0-9+/=_-]+$/.test(value)) return malformed;
  return { kind: 'basic', username: text.slice(0, colon), secret: text.slice(colon + 1) };
}

function findCookie(header: string, name: string): string | undefined {
  for (const part of header.slice(0, maxHeaderLength).split(';')) {
    const at = part.indexOf('=');
    if (at > 0 && part.slice(0, at).trim() === name) return part.slice(at + 1).trim();
  }
  return undefined;
}
