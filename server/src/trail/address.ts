/** IP addresses and ranges as 16 bytes, so that a range is one comparison: IPv4 stands in IPv6's ::ffff:0:0/96. */
import ipaddr from 'ipaddr.js';
import { invalid } from '../domain/error.ts';
import type { Sql } from './sql.ts';

const mapped = {
  first: Buffer.from('00000000000000000000ffff00000000', 'hex'),
  last: Buffer.from('00000000000000000000ffffffffffff', 'hex'),
};

/** Undefined for what is no address. */
export function addressBytes(text: string): Buffer | undefined {
  const address = parseAddress(text);
  return address && bytesOf(address);
}

/** As people write it; the inverse of `addressBytes`. */
export function addressText(bytes: Uint8Array): string {
  return ipaddr.process(ipaddr.fromByteArray([...bytes]).toString()).toString();
}

/** The condition that an address lies in `text`, an address or CIDR range; throws `invalid`. */
export function addressSql(column: string, text: string, field: string): Sql {
  const [host = '', prefixText, ...rest] = text.split('/');
  const address = parseAddress(host);
  if (!address || rest.length > 0) throw notAnAddress(text, field);
  const isV4 = address.kind() === 'ipv4';
  const widest = isV4 ? 32 : 128;
  if (prefixText !== undefined && !/^\d{1,3}$/.test(prefixText)) throw notAnAddress(text, field);
  const prefix = prefixText === undefined ? widest : Number(prefixText);
  if (prefix > widest) throw notAnAddress(text, field);
  const { first, last } = range(bytesOf(address), prefix + (isV4 ? 96 : 0));
  const within: Sql = { text: `${column} BETWEEN ? AND ?`, params: [first, last] };
  const holdsMapped = first.compare(mapped.first) < 0 && last.compare(mapped.last) > 0;
  // A range of IPv6 such as ::/0 is not meant to find IPv4.
  if (!isV4 && holdsMapped)
    return {
      text: `(${within.text} AND NOT ${column} BETWEEN ? AND ?)`,
      params: [...within.params, mapped.first, mapped.last],
    };
  return within;
}

function parseAddress(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  // The library would also take octal, hexadecimal and shortened forms, which nobody reads alike.
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text);
  if (!text.includes(':') || text.includes('%') || !ipaddr.IPv6.isValid(text)) return undefined;
  const parsed = ipaddr.IPv6.parse(text);
  return parsed.isIPv4MappedAddress() ? parsed.toIPv4Address() : parsed;
}

function bytesOf(address: ipaddr.IPv4 | ipaddr.IPv6): Buffer {
  const bytes =
    address.kind() === 'ipv4'
      ? (address as ipaddr.IPv4).toIPv4MappedAddress().toByteArray()
      : address.toByteArray();
  return Buffer.from(bytes);
}

function range(address: Buffer, prefix: number): { first: Buffer; last: Buffer } {
  const first = Buffer.from(address);
  const last = Buffer.from(address);
  for (let bit = prefix; bit < 128; bit++) {
    const mask = 0x80 >> (bit & 7);
    first[bit >> 3] = (first[bit >> 3] as number) & ~mask;
    last[bit >> 3] = (last[bit >> 3] as number) | mask;
  }
  return { first, last };
}

function notAnAddress(text: string, field: string): Error {
  return invalid(
    field,
    `"${text.slice(0, 60)}" is no address and no range. Write 203.0.113.7, 203.0.113.0/24, 2001:db8::7 or 2001:db8::/32.`,
  );
}
