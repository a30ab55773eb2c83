/** What the trail keeps of an HTTP request, and the key its limits use. One place decides which address is the client's. */
import type { RequestFacts } from '@tallyman/contract';
import ipaddr from 'ipaddr.js';
import type { Clock } from '../stdx/clock.ts';
import { uuidv7 } from '../stdx/random.ts';

export type RawRequest = {
  method: string;
  /** Address of the socket's other end. */
  remoteAddress: string | undefined;
  headers: { readonly [name: string]: string | string[] | undefined };
};

export type TrustedProxies = readonly [ipaddr.IPv4 | ipaddr.IPv6, number][];

/** CIDR texts; throws on one that is none. */
export function parseTrustedProxies(cidrs: readonly string[]): TrustedProxies {
  return cidrs.map((cidr) => ipaddr.parseCIDR(cidr.includes('/') ? cidr : `${cidr}/${cidr.includes(':') ? 128 : 32}`));
}

/**
 * The client's address: the socket's, unless that is a trusted proxy; then the right-most address of X-Forwarded-For
 * that is not one. With no trusted proxies the header changes nothing.
 */
export function clientAddress(raw: RawRequest, trusted: TrustedProxies): string {
  let address = normalise(raw.remoteAddress ?? '');
  if (trusted.length === 0 || !isTrusted(address, trusted)) return address;
  const header = raw.headers['x-forwarded-for'];
  const hops = (Array.isArray(header) ? header.join(',') : (header ?? '')).split(',').map((hop) => hop.trim());
  for (const hop of hops.reverse()) {
    const next = normalise(hop);
    if (next === '') break;
    address = next;
    if (!isTrusted(next, trusted)) break;
  }
  return address;
}

/** `unknown` addresses become ''; IPv4 in IPv6 becomes IPv4. */
function normalise(text: string): string {
  if (!ipaddr.isValid(text)) return '';
  return ipaddr.process(text).toString();
}

function isTrusted(address: string, trusted: TrustedProxies): boolean {
  if (address === '') return false;
  const parsed = ipaddr.parse(address);
  return trusted.some(([network, bits]) => network.kind() === parsed.kind() && parsed.match(network as never, bits));
}

/** The limiter's key: an IPv4 address, or the /64 of an IPv6 address. */
export function sourceOf(address: string): string {
  if (!address.includes(':')) return address;
  const parts = ipaddr.IPv6.parse(address).parts.slice(0, 4);
  return `${parts.map((part) => part.toString(16)).join(':')}::/64`;
}

export function requestFacts(raw: RawRequest, parts: { clock: Clock; trusted: TrustedProxies; route?: string }): RequestFacts {
  const ip = clientAddress(raw, parts.trusted);
  const agent = raw.headers['user-agent'];
  return {
    id: uuidv7(parts.clock.nowUs()),
    ...(ip !== '' && { ip }),
    method: raw.method,
    protocol: 'http',
    ...(parts.route !== undefined && { route: parts.route }),
    ...(typeof agent === 'string' && agent !== '' && { userAgent: agent }),
  };
}
