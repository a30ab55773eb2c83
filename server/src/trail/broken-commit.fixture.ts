/** A step that fails in the appender's thread: a commit of which nobody knows whether it was made. */
import type { AtStep } from '../db/steps.ts';

export const atStep: AtStep = (step) => {
  if (step === 'batch.edge') throw new Error('the disk is gone');
};
