/**
 * Somebody outside who keeps every checkpoint they ever saw, with a tree of their own: after each crash no later state
 * may contradict one of them. Uses nothing of the server but what it publishes and the bodies it stores.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { Db } from '../../server/src/db/store.ts';

export class OutsideVerifier {
  /** Size -> root in base64, as it was published. */
  readonly seen = new Map<number, string>();
  #watching = false;
  #watch: Promise<void> = Promise.resolve();

  /** Asks for the checkpoint again and again until the server is gone. */
  watch(url: string): void {
    this.#watching = true;
    this.#watch = this.#ask(url);
  }

  /** Resolves when the last question is answered or broken. */
  async rest(): Promise<void> {
    this.#watching = false;
    await this.#watch;
  }

  async #ask(url: string): Promise<void> {
    while (this.#watching) {
      const note = await fetch(`${url}/log/checkpoint`).then(
        async (answer) => (answer.ok ? answer.text() : ''),
        () => undefined,
      );
      if (note === undefined) return;
      if (note !== '') this.keep(note);
    }
  }

  keep(note: string): void {
    const [, size = '', root = ''] = note.split('\n');
    const before = this.seen.get(Number(size));
    assert.ok(
      before === undefined || before === root,
      `two checkpoints of size ${size}: ${before} and ${root}`,
    );
    this.seen.set(Number(size), root);
  }

  /** What is stored must continue everything that was published. */
  async requireContinued(db: Db): Promise<void> {
    const rows = await db.read.q.selectFrom('event').select('body').orderBy('idx').execute();
    const largest = Math.max(0, ...this.seen.keys());
    assert.ok(rows.length >= largest, `published with ${largest} events, and ${rows.length} are there`);
    const edge: Buffer[] = [];
    for (const [at, { body }] of rows.entries()) {
      let root = sha256(Buffer.from(`\0${body}`));
      for (let left = at; left % 2 === 1; left = (left - 1) / 2)
        root = sha256(Buffer.from([1]), edge.pop() as Buffer, root);
      edge.push(root);
      const published = this.seen.get(at + 1);
      if (published === undefined) continue;
      const whole = edge.toReversed().reduce((right, left) => sha256(Buffer.from([1]), left, right));
      assert.equal(whole.toString('base64'), published, `the checkpoint of size ${at + 1} was contradicted`);
    }
  }
}

function sha256(...parts: Buffer[]): Buffer {
  const hasher = createHash('sha256');
  for (const part of parts) hasher.update(part);
  return hasher.digest();
}
