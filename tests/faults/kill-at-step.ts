/**
 * The hook of serve-with-steps.ts, in every thread that takes durable steps: kills the process at the step that a file
 * names, so that a test can say which while the server runs. `batch.edge 3`: the third time a thread comes by it.
 */
import { readFileSync } from 'node:fs';
import type { AtStep, DurableStep } from '../../server/src/db/steps.ts';

const orders = process.env.TALLYMAN_TEST_KILL_ORDERS ?? '';
let seen = 0;
let order = '';

export const atStep: AtStep = (step: DurableStep) => {
  const now = readOrder();
  if (now !== order) {
    order = now;
    seen = 0;
  }
  const [wanted, count] = order.split(' ');
  if (step !== wanted) return;
  seen++;
  // Not one further instruction of any thread: the signal is delivered before the call returns.
  if (seen >= Number(count)) process.kill(process.pid, 'SIGKILL');
};

function readOrder(): string {
  try {
    return readFileSync(orders, 'utf8');
  } catch {
    return '';
  }
}
