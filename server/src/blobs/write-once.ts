/**
 * Small texts that are written once and never changed or deleted by us, in a folder or an object storage that may have
 * rights of its own (append-only mounts, object lock). Names are paths; `list` walks them level by level.
 */
import { AppError } from '../domain/error.ts';

export interface WriteOnce {
  /**
   * Durable when it resolves. The same text under the same name is no error (a repeated write). Throws
   * `conflict` when another text has the name, `unavailable` when the place cannot be reached.
   */
  put(name: string, text: string): Promise<void>;
  /** Undefined when there is none. Throws `unavailable`, also for a text larger than `maxTextBytes`. */
  find(name: string): Promise<string | undefined>;
  /** The names one level below `folder` ('' or a path with a slash at its end), unordered; folders end in a slash. */
  list(folder: string): Promise<string[]>;
  close(): void;
}

/** Larger ones are not ours. */
export const maxTextBytes = 64 * 1024;
/** More entries in one folder are not ours. */
export const maxListed = 10_000;

/** A repeated write is no conflict. */
export async function requireSame(
  found: string | undefined,
  { name, text }: { name: string; text: string },
): Promise<void> {
  if (found === text) return;
  throw new AppError('conflict', `Another text is stored as ${name} already, and it is never replaced.`);
}

export function unavailable(place: string, cause: unknown): AppError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new AppError('unavailable', `${place} cannot be read or written now: ${why}`, { cause });
}
