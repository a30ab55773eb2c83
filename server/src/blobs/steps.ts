/** The durable steps of `finish`, named so that tests can stop, kill or fail the process at each of them. */

export const finishSteps = [
  /** The digest is right; nothing is durable. */
  'checked',
  /** The upload's bytes are durable under the upload's name. */
  'flushed',
  /** Files: the blob has its name, which may not survive loss of power yet. S3: the object is stored, the upload still there. */
  'placed',
  /** Files: the name is durable. S3: the upload is removed. Only the answer is missing. */
  'durable',
] as const;

export type FinishStep = (typeof finishSteps)[number];
export type AtStep = (step: FinishStep) => void | Promise<void>;

export const noSteps: AtStep = () => {};
