/**
 * When and from where credentials were last used. Kept in memory and written in batches: a use must not cost a write.
 * A crash loses the uses since the last batch, and nothing else.
 */
import { statement } from '../db/statement.ts';
import type { Db } from '../db/store.ts';
import type { CredentialState } from './states.ts';

type Use = { atUs: number; source: string };
/** Beyond this a batch is written early; what is used while it runs joins the next. */
const maxPending = 10_000;
const perUnit = 200;

/** One without a hint was erased: a use that was still waiting must not bring its address back. */
const put = statement(
  `UPDATE credential SET last_used_at = ?, last_used_source = ?
   WHERE id = ? AND hint <> '' AND (last_used_at IS NULL OR last_used_at < ?)`,
);

export class LastUse {
  readonly #db: Db;
  #pending = new Map<string, Use>();

  constructor(db: Db) {
    this.#db = db;
  }

  note(credential: CredentialState, atUs: number, source: string): void {
    credential.lastUsedAtUs = atUs;
    if (this.#pending.size < maxPending || this.#pending.has(credential.id))
      this.#pending.set(credential.id, { atUs, source });
  }

  /** Best effort: what cannot be written now stays for the next time. */
  async tryFlush(): Promise<void> {
    const uses = [...this.#pending];
    this.#pending = new Map();
    for (let at = 0; at < uses.length; at += perUnit) {
      const batch = uses.slice(at, at + perUnit);
      try {
        await this.#db.transact(async (tx) => {
          for (const [id, { atUs, source }] of batch) await tx.run(put, [atUs, source, id, atUs]);
        });
      } catch {
        for (const [id, use] of batch) if (!this.#pending.has(id)) this.#pending.set(id, use);
      }
    }
  }
}
