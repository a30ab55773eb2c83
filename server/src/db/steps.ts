/**
 * The durable steps on the way of an event, named so that tests can stop, kill or fail the process exactly between any
 * two of them. Where SQLite's batch, PostgreSQL's sequencer, the checkpointer and the projector stand when they call
 * `atStep` is what each line says; tests/faults kills at every one and then asks `tallyman fsck`.
 */

export const durableSteps = [
  /** SQLite: every row of the batch and its events are written, the tree's edge and tiles are not; nothing is durable. */
  'batch.rows',
  /** SQLite: edge and full tiles are written too; before COMMIT. */
  'batch.edge',
  /** SQLite: the batch is durable and nobody was answered. */
  'batch.committed',
  /** PostgreSQL: a unit's rows and its events in the outbox are written; before COMMIT. */
  'unit.rows',
  /** PostgreSQL: the unit is durable, its events have no index yet, nobody was answered. */
  'unit.committed',
  /** PostgreSQL: events appended outside of a unit are durable in the outbox, nobody was answered. */
  'append.committed',
  /** PostgreSQL: the sequencer has moved events into the log; edge and tiles are not written, nothing is durable. */
  'move.rows',
  /** PostgreSQL: edge and full tiles are written too; before COMMIT. */
  'move.edge',
  /** PostgreSQL: the events have their index for good; listeners do not know yet. */
  'move.committed',
  /** The next checkpoint is signed, in memory only. */
  'checkpoint.signed',
  /** Its row is durable; nobody outside has seen it. */
  'checkpoint.stored',
  /** It is served and written to every further place it goes to. */
  'checkpoint.published',
  /** Content, as blobs/steps.ts says. */
  'blob.checked',
  'blob.flushed',
  'blob.placed',
  'blob.durable',
  /** A batch of the projection is written; before its COMMIT. */
  'projection.rows',
  /** It is committed; the projection's readers were not told. */
  'projection.committed',
] as const;

export type DurableStep = (typeof durableSteps)[number];

/** Synchronous, because what happens at a step must happen before anything else does. */
export type AtStep = (step: DurableStep) => void;

export const noSteps: AtStep = () => {};

/**
 * Where a hook is: the path of a module with the export `atStep`. A path, because a function cannot be handed to the
 * worker thread that takes the steps. Only the composition root of a test names one.
 */
export type StepHook = { module: string };

/** To be called by the thread that takes the steps. */
export async function loadSteps(hook: StepHook | undefined): Promise<AtStep> {
  if (hook === undefined) return noSteps;
  const { atStep } = (await import(hook.module)) as { atStep: AtStep };
  return atStep;
}
