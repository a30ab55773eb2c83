/**
 * Keeps garbage collection away from a digest while an upload makes it visible. Between the store's `finish` and the
 * commit of the link nothing in the database speaks for the bytes; and between the commit that forgets a blob and the
 * deletion of its bytes nothing may bring it back. One process owns a data folder, so memory is enough.
 */
import type { Digest } from '../domain/digest.ts';

export class DigestGuard {
  readonly #users = new Map<Digest, number>();
  readonly #collecting = new Map<Digest, Promise<unknown>>();

  /** Runs with the digest in use; any number at once. Waits for a collection of it to end. */
  async use<T>(digest: Digest, work: () => Promise<T>): Promise<T> {
    for (let busy = this.#collecting.get(digest); busy; busy = this.#collecting.get(digest)) await busy;
    this.#users.set(digest, (this.#users.get(digest) ?? 0) + 1);
    try {
      return await work();
    } finally {
      const left = (this.#users.get(digest) ?? 1) - 1;
      if (left > 0) this.#users.set(digest, left);
      else this.#users.delete(digest);
    }
  }

  /** Runs with the digests that nobody uses, alone with them; the others are left out. */
  async collect<T>(digests: readonly Digest[], work: (free: readonly Digest[]) => Promise<T>): Promise<T> {
    const free = digests.filter((digest) => !this.#users.has(digest) && !this.#collecting.has(digest));
    const done = Promise.withResolvers<void>();
    for (const digest of free) this.#collecting.set(digest, done.promise);
    try {
      return await work(free);
    } finally {
      for (const digest of free) this.#collecting.delete(digest);
      done.resolve();
    }
  }
}
