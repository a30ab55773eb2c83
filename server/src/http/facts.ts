/** What the trail keeps of an HTTP request, and the key its limits use. One place decides which address is the client's. */
import { isIP } from 'node:net';
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

/** Addresses and CIDR ranges; throws on a text that is neither. */
export function parseTrustedProxies(cidrs: readonly string[]): TrustedProxies {
  return cidrs.map((cidr) =>
    ipaddr.parseCIDR(cidr.includes('/') ? cidr : `${cidr}/${cidr.includes(':') ? 128 : 32}`),
  );
}

/**
 * The client's address: the socket's, unless that is a trusted proxy; then the right-most address of X-Forwarded-For
 * that is not one. With no trusted proxies the header changes nothing. What follows an entry that is no address is not
 * believed: the answer is then the last hop that could be read.
 */
export function clientAddress(raw: RawRequest, trusted: TrustedProxies): string {
  let address = normalise(raw.remoteAddress ?? '');
  if (trusted.length === 0 || !isTrusted(address, trusted)) return address;
  const header = raw.headers['x-forwarded-for'];
  const hops = (Array.isArray(header) ? header.join(',') : (header ?? ''))
    .split(',')
    .map((hop) => hop.trim());
  for (const hop of hops.reverse()) {
    const next = normalise(hop);
    if (next === '') break;
    address = next;
    if (!isTrusted(next, trusted)) break;
  }
  return address;
}

/** Addresses seen lately: parsing one costs more than the rest of the facts. Cleared when full. */
const known = new Map<string, string>();
const maxKnown = 4_096;

/** What is no address becomes ''; IPv4 in IPv6 becomes IPv4. */
function normalise(text: string): string {
  const found = known.get(text);
  if (found !== undefined) return found;
  // Stricter than ipaddr.js, which also reads `1` and `0x7f.1` as addresses.
  if (isIP(text) === 0) return '';
  const normal = ipaddr.process(text).toString();
  if (known.size >= maxKnown) known.clear();
  known.set(text, normal);
  return normal;
}

export function isTrusted(address: string, trusted: TrustedProxies): boolean {
  if (address === '') return false;
  const parsed = ipaddr.process(address);
  return trusted.some(
    ([network, bits]) => network.kind() === parsed.kind() && parsed.match(network as never, bits),
  );
}

export function isLoopback(address: string): boolean {
  return isIP(address) !== 0 && ipaddr.process(address).range() === 'loopback';
}

/** The limiter's key: an IPv4 address, or the /64 of an IPv6 address. */
export function sourceOf(address: string): string {
  if (!address.includes(':')) return address;
  const parts = ipaddr.IPv6.parse(address).parts.slice(0, 4);
  return `${parts.map((part) => part.toString(16)).join(':')}::/64`;
}

export function requestFacts(
  raw: RawRequest,
  parts: { clock: Clock; trusted: TrustedProxies; route?: string | undefined },
): RequestFacts {
  const ip = clientAddress(raw, parts.trusted);
  const agent = raw.headers['user-agent'];
  const facts: RequestFacts = { id: uuidv7(parts.clock.nowUs()), method: raw.method, protocol: 'http' };
  if (ip !== '') facts.ip = ip;
  if (parts.route !== undefined) facts.route = parts.route;
  if (typeof agent === 'string' && agent !== '') facts.userAgent = agent;
  return facts;
}
