import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { createLog } from '../http/log.ts';
import { startChores } from './chores.ts';

describe('chores', () => {
  it('run one at a time, go on after a failure, and are waited for at a stop', async () => {
    const lines: string[] = [];
    const log = createLog({ level: 'info', destination: { write: (line) => void lines.push(line) } });
    const gate = Promise.withResolvers<void>();
    let [failures, begun, under, most] = [0, 0, 0, 0];
    const chores = startChores(
      [
        {
          name: 'failing',
          everyMs: 1,
          run: async () => {
            failures++;
            throw new Error('not today');
          },
        },
        {
          name: 'long',
          everyMs: 1,
          run: async () => {
            begun++;
            under++;
            most = Math.max(most, under);
            await gate.promise;
            under--;
          },
        },
      ],
      log,
    );
    await waitFor('the failing one to run again', () => failures > 2 && begun > 0);
    let stopped = false;
    const stopping = chores.stop(60_000).then(() => {
      stopped = true;
    });
    await new Promise(setImmediate);
    assert.deepEqual([stopped, under], [false, 1]);
    gate.resolve();
    await stopping;
    assert.deepEqual([under, most, begun], [0, 1, 1]);
    assert.match(lines[0] ?? '', /"chore":"failing".*not today/);
  });

  it('are not waited for beyond the deadline', async () => {
    const log = createLog({ level: 'info', destination: { write: () => undefined } });
    let begun = false;
    const chores = startChores(
      [
        {
          name: 'endless',
          everyMs: 1,
          run: () => {
            begun = true;
            return new Promise(() => undefined);
          },
        },
      ],
      log,
    );
    await waitFor('it to run', () => begun);
    await chores.stop(1);
    assert.equal(begun, true);
  });
});
