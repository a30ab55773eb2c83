/** CSRF tokens: an HMAC of the session's secret, so nothing is stored and a token is worth nothing in another session. */
import { createHmac } from 'node:crypto';

export function csrfTokenOf(key: Uint8Array, sessionSecret: string): string {
  return createHmac('sha256', key).update(sessionSecret).digest('base64url');
}
