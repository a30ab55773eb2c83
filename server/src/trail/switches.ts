/**
 * The four switches of failure auditing, as settings: the server's (`on`, `off`, or `namespace`: its owner decides) and,
 * when the server leaves it to them, each namespace's. Read on every refusal, so they live in memory; the unit that
 * changes one updates them after its commit. While off, refusals are still counted.
 */
import { type SwitchName, switchNames } from '@tallyman/contract';
import { findSetting, putSetting } from '../db/settings.ts';
import type { ReadDb, Tx } from '../db/store.ts';

export type SwitchMode = 'on' | 'off' | 'namespace';
const prefix = 'audit.';

export class Switches {
  readonly #modes = new Map<string, SwitchMode>();
  readonly #unrecorded = new Map<string, number>();

  /** Reads the stored modes; once, at start. */
  async load(db: ReadDb): Promise<void> {
    const rows = await db.q.selectFrom('setting').selectAll().where('key', 'like', `${prefix}%`).execute();
    for (const row of rows)
      this.#modes.set(`${row.namespace_id} ${row.key.slice(prefix.length)}`, row.value as SwitchMode);
  }

  /** The stored mode; default `on`. Namespace '' = the server. */
  get(name: SwitchName, namespaceId = ''): SwitchMode {
    return this.#modes.get(`${namespaceId} ${name}`) ?? 'on';
  }

  /** Whether a refusal in this namespace is recorded; undefined = the system scope, which follows the server. */
  isOn(name: SwitchName, namespaceId?: string): boolean {
    const server = this.get(name);
    if (server !== 'namespace') return server === 'on';
    return namespaceId === undefined || this.get(name, namespaceId) === 'on';
  }

  /** Counts a refusal that was not recorded. Bounded: beyond the bound a namespace's count joins the server's. */
  countUnrecorded(name: SwitchName, namespaceId = ''): void {
    const known = this.#unrecorded.size < maxCounted || this.#unrecorded.has(`${namespaceId} ${name}`);
    const key = known ? `${namespaceId} ${name}` : ` ${name}`;
    this.#unrecorded.set(key, (this.#unrecorded.get(key) ?? 0) + 1);
  }

  /**
   * Stores a mode in the unit of the event that tells of it. Returns what was counted while it was off; the count is
   * dropped after the commit. The server's count includes every namespace's when the server switches.
   */
  async put(
    tx: Tx,
    change: { name: SwitchName; namespaceId: string; mode: SwitchMode; nowUs: number },
  ): Promise<{ from: SwitchMode; unrecorded: number }> {
    const { name, namespaceId, mode, nowUs } = change;
    const key = prefix + name;
    await tx.lock(`setting ${namespaceId} ${key}`);
    // From the store, not from memory: an earlier unit of the same batch may have changed it.
    const stored = await findSetting(tx, { namespaceId, key });
    await putSetting(tx, { namespaceId, key, value: mode, nowUs });
    const counted = [...this.#unrecorded].filter(([of]) =>
      namespaceId === '' ? of.endsWith(` ${name}`) : of === `${namespaceId} ${name}`,
    );
    tx.afterCommit(() => {
      this.#modes.set(`${namespaceId} ${name}`, mode);
      if (mode !== 'off') this.#forget(counted);
    });
    const unrecorded = counted.reduce((sum, [, count]) => sum + count, 0);
    return { from: (stored ?? 'on') as SwitchMode, unrecorded: mode === 'off' ? 0 : unrecorded };
  }

  /** What came while the unit was on its way stays counted. */
  #forget(counted: readonly (readonly [string, number])[]): void {
    for (const [of, count] of counted) {
      const left = (this.#unrecorded.get(of) ?? 0) - count;
      if (left > 0) this.#unrecorded.set(of, left);
      else this.#unrecorded.delete(of);
    }
  }

  /** Every switch of the server, for pages. */
  all(namespaceId = ''): Record<SwitchName, SwitchMode> {
    return Object.fromEntries(switchNames.map((name) => [name, this.get(name, namespaceId)])) as Record<
      SwitchName,
      SwitchMode
    >;
  }
}

const maxCounted = 10_000;
