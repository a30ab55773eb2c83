/** A tree that grows from left to right by leaves and whole subtrees, holding no more than its edge. */
import { nodeHash, rootOfEdge } from '../log/tree.ts';
import type { Sha256 } from '../sha256.ts';

export class CompactRange {
  readonly #edge: { level: number; hash: Uint8Array }[] = [];
  readonly #sha256: Pick<Sha256, 'bytes'>;

  constructor(sha256: Pick<Sha256, 'bytes'>) {
    this.#sha256 = sha256;
  }

  /** The root of the next 2**level leaves. It has to begin where the tree so far ends, at a multiple of its width. */
  append(level: number, hash: Uint8Array): void {
    let top = { level, hash };
    for (let last = this.#edge.at(-1); last?.level === top.level; last = this.#edge.at(-1)) {
      this.#edge.pop();
      top = { level: top.level + 1, hash: nodeHash(last.hash, top.hash, this.#sha256) };
    }
    this.#edge.push(top);
  }

  root(): Uint8Array {
    return rootOfEdge(
      this.#edge.map(({ hash }) => hash),
      this.#sha256,
    );
  }
}
