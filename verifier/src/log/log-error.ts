/**
 * What can be wrong with the log's own texts and proofs. As with EventError the reason is a closed word that programs
 * may compare; docs/spec/log.md and docs/spec/bundle.md say what each means. Messages quote no input.
 */

export const logErrorReasons = [
  // Texts and numbers.
  'too_large',
  'malformed_base64',
  'malformed_number',
  'malformed_hash',
  // Signed notes and keys.
  'malformed_note',
  'malformed_signature',
  'too_many_signatures',
  'malformed_key',
  'key_id_mismatch',
  'unsupported_key_type',
  'no_trusted_signature',
  'wrong_signature',
  // Checkpoints.
  'malformed_checkpoint',
  'wrong_origin',
  'missing_timestamp',
  'future_dated',
  // The log's keys.
  'retired_key',
  'unannounced_key',
  'malformed_rotation',
  'rotation_refused',
  // Trees and proofs.
  'malformed_proof',
  'index_out_of_range',
  'sizes_reversed',
  'wrong_proof_length',
  'root_mismatch',
  'old_root_mismatch',
  'new_root_mismatch',
  // Tiles.
  'malformed_tile_path',
  'tile_out_of_range',
  'wrong_tile_length',
  'malformed_entries',
  // Bundles.
  'not_a_bundle',
  'unknown_version',
  'malformed_bundle',
  'truncated',
  'trailing_lines',
  'wrong_event_count',
  'duplicate_event',
  'events_out_of_order',
  'wrong_range_length',
  'event_refused',
  // One checkpoint beside another.
  'backdated',
  'fork',
  'tiles_mismatch',
  'missing_file',
] as const;

export type LogErrorReason = (typeof logErrorReasons)[number];

export class LogError extends Error {
  override readonly name = 'LogError';
  readonly reason: LogErrorReason;
  /** Where: words such as `line 3` or `tile/0/012`; empty when it is the whole. */
  readonly place: string;

  constructor(reason: LogErrorReason, { place = '', cause }: { place?: string; cause?: unknown } = {}) {
    super(place === '' ? reason : `${reason} at ${place}`, cause === undefined ? {} : { cause });
    this.reason = reason;
    this.place = place;
  }
}
