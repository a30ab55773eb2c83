/** Request bodies, bounded in length. The HTTP server ends those that arrive too slowly: it looks like a client gone. */
import type { IncomingMessage } from 'node:http';
import { AppError } from '../domain/error.ts';
import { ClientGone } from './errors.ts';

export function hasBody({ headers }: IncomingMessage): boolean {
  if (headers['transfer-encoding'] !== undefined) return true;
  const length = headers['content-length'];
  return length !== undefined && length !== '0';
}

/** Undefined when the client did not say (a chunked body). HTTP's parser has checked that it is a number. */
export function announcedBytes({ headers }: IncomingMessage): number | undefined {
  if (headers['transfer-encoding'] !== undefined) return undefined;
  return Number(headers['content-length'] ?? 0);
}

/** The whole body. Reads no further than the bound. */
export async function readBody(
  raw: IncomingMessage,
  bound: { limitBytes: number; tooLarge: () => AppError },
): Promise<Buffer> {
  if (!hasBody(raw)) return Buffer.alloc(0);
  if ((announcedBytes(raw) ?? 0) > bound.limitBytes) throw bound.tooLarge();
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  try {
    for await (const chunk of raw.iterator({ destroyOnReturn: false })) {
      sizeBytes += (chunk as Buffer).length;
      if (sizeBytes > bound.limitBytes) throw bound.tooLarge();
      chunks.push(chunk as Buffer);
    }
  } catch (error) {
    throw error instanceof AppError ? error : new ClientGone(error);
  }
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, sizeBytes);
}

/** What is left unread of a refused body is thrown away up to this; beyond, the connection ends with the answer. */
const drainBytes = 256 * 1024;

export function mustClose(raw: IncomingMessage): boolean {
  if (raw.readableEnded || raw.complete || !hasBody(raw)) return false;
  return (announcedBytes(raw) ?? Number.POSITIVE_INFINITY) > drainBytes;
}
