/** The first batch of the appender's thread finds the disk full, when its rows are written and its edge is not. */
import type { AtStep } from '../db/steps.ts';

let batches = 0;

export const atStep: AtStep = (step) => {
  if (step === 'batch.rows' && batches++ === 0) {
    throw Object.assign(new Error('database or disk is full'), { errcode: 13 });
  }
};
