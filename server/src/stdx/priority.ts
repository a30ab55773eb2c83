/** Work that nobody waits for gives way to work that somebody waits for. */
import { setPriority } from 'node:os';

/** Of 19, the lowest: about a quarter of a contended core. */
const background = 5;

/**
 * Lowers the calling thread. On Linux a priority belongs to a thread; elsewhere it belongs to the whole process, which is
 * left as it is.
 */
export function workInBackground(): void {
  if (process.platform === 'linux') setPriority(background);
}
