/** The thread of leaf-hasher.ts: hashes one batch's entries after another, until it is ended from outside. */
import { hash } from 'node:crypto';
import { workerData } from 'node:worker_threads';
import { countRoom, type LeafMemory, words } from './leaf-hasher.ts';
import { asDigest, hashBytes } from './log-tree.ts';

const memory = workerData as LeafMemory;
const leaves = Buffer.from(memory.leaves.buffer);

function hashEntries(asked: number): void {
  const count = asked % countRoom;
  let begin = 0;
  for (let place = 0; place < count; place++) {
    const end = memory.ends[place] as number;
    leaves.write(hash('sha256', memory.entries.subarray(begin, end), asDigest), place * hashBytes, 'latin1');
    begin = end;
    const done = asked - count + place;
    if (Atomics.compareExchange(memory.words, words.done, done, done + 1) !== done) return;
  }
}

for (let seen = 0; ; ) {
  Atomics.wait(memory.words, words.asked, seen);
  seen = Atomics.load(memory.words, words.asked);
  hashEntries(seen);
}
