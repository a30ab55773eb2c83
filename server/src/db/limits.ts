/** Bounds of the database layer. */
export const limits = {
  /** Units waiting to run; beyond it callers get 503. */
  waitingUnits: 10_000,
  unitsPerBatch: 512,
  /** A batch of so many was shared, and the next one is gathered for up to so many turns of the event loop. */
  sharedBatch: 4,
  gatherTurns: 8,
  /** With fewer events in a batch of SQLite, to wake a thread for their hashes costs more than it saves. */
  leavesForThread: 16,
  /** Events per insert and per move from the outbox on PostgreSQL. */
  eventsPerMove: 2_000,
  preparedStatements: 500,
  /** Of SQLite: half as many writes for a batch of events as pages of 4 KiB need, and still little for a single one. */
  pageBytes: 8_192,
  /** The WAL is copied back after this many pages, which is looked at every so many batches. */
  walCheckpointPages: 2_000,
  batchesPerWalLook: 16,
  /** So long only when the thread that copies cannot: then the writer does. */
  walWriterPages: 8_000,
  walKeepBytes: 64 * 1024 * 1024,
  /** Times a PostgreSQL unit is run again after a serialisation conflict or deadlock. */
  conflictRetries: 5,
  /** How long a starting server waits for the connections of one that crashed to be gone. */
  sequencerWaitMs: 5_000,
} as const;
