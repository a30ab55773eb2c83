/**
 * A bounded cache of what the database holds, least recently used out first. The unit that changes a row deletes its
 * entry after the commit; `load` never stores what it read before such a deletion, so an entry is never older than the
 * last commit that touched it.
 */

export class BoundedCache<V> {
  readonly #entries = new Map<string, V>();
  readonly #max: number;
  /** Counts deletions: a load that began before one may hold what was true before it. */
  #generation = 0;
  readonly #loading = new Map<string, { generation: number; value: Promise<V | undefined> }>();

  constructor(max: number) {
    this.#max = max;
  }

  get(key: string): V | undefined {
    const found = this.#entries.get(key);
    if (found === undefined) return undefined;
    // Moves it to the young end of the Map's insertion order.
    this.#entries.delete(key);
    this.#entries.set(key, found);
    return found;
  }

  set(key: string, value: V): void {
    this.#entries.delete(key);
    if (this.#entries.size >= this.#max) this.#entries.delete(this.#entries.keys().next().value as string);
    this.#entries.set(key, value);
  }

  /**
   * What is remembered, else what `read` finds; nothing is remembered of what does not exist. Loads of one key at the
   * same moment share one read, so all get the same object.
   */
  async load(key: string, read: () => Promise<V | undefined>): Promise<V | undefined> {
    const found = this.get(key);
    if (found !== undefined) return found;
    const under = this.#loading.get(key);
    if (under?.generation === this.#generation) return under.value;
    const loading = { generation: this.#generation, value: this.#read(key, read) };
    this.#loading.set(key, loading);
    try {
      return await loading.value;
    } finally {
      if (this.#loading.get(key) === loading) this.#loading.delete(key);
    }
  }

  async #read(key: string, read: () => Promise<V | undefined>): Promise<V | undefined> {
    const generation = this.#generation;
    const value = await read();
    if (value !== undefined && generation === this.#generation) this.set(key, value);
    return value;
  }

  delete(key: string): void {
    this.#generation++;
    this.#entries.delete(key);
  }

  clear(): void {
    this.#generation++;
    this.#entries.clear();
  }

  get size(): number {
    return this.#entries.size;
  }
}
