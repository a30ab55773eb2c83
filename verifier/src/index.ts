/**
 * Everything an auditor needs to check an event, and what the server needs to write one that can be checked. No
 * dependency, synchronous, the same in Node and in a browser. The formats are those of docs/spec.
 */
export { type Audit, type AuditVerdict, auditLog, type KeptFile } from './audit/audit-log.ts';
export { firstDifference, type IndexRange } from './audit/first-difference.ts';
export { type FileRequest, LogTiles, type Reading, type Side } from './audit/log-tiles.ts';
export {
  type BundleEvent,
  type BundleHead,
  formatBundleEnd,
  formatBundleEvent,
  formatBundleHead,
  maxBundleEvents,
  parseBundleHead,
  parseBundleLine,
} from './bundle/bundle-lines.ts';
export { CompactRange } from './bundle/compact-range.ts';
export { discloseEntries } from './bundle/disclose.ts';
export { splitLines } from './bundle/split-lines.ts';
export {
  type BundleVerification,
  openBundleCheckpoints,
  type VerifiedBundle,
  verifyBundle,
} from './bundle/verify-bundle.ts';
export { canonicalize } from './canonical.ts';
export { decodeBase64url, decodeUtf8, encodeBase64url, encodeUtf8 } from './encoding.ts';
export { compileErasable, type ErasableFields } from './erasable.ts';
export { EventError, type EventErrorReason, eventErrorReasons } from './errors.ts';
export { type Json, type JsonObject, maxBodyBytes, maxDepth, maxPrivateBytes } from './json.ts';
export { leafHash, leafHashText } from './leaf.ts';
export { decodeBase64, decodeHash, encodeBase64, parseDecimal } from './log/base64.ts';
export {
  type Checkpoint,
  formatCheckpoint,
  type OpenedCheckpoint,
  openCheckpoint,
  parseCheckpoint,
} from './log/checkpoint.ts';
export { LogError, type LogErrorReason, logErrorReasons } from './log/log-error.ts';
export {
  maxNoteBytes,
  type NoteSignature,
  type NoteSigner,
  openNote,
  parseNote,
  type SignEd25519,
  type SignedNote,
  signNote,
  type TrustedSignature,
  type VerifyEd25519,
} from './log/note.ts';
export { formatProofText, type ProofText, parseProofText } from './log/proof-text.ts';
export {
  type Consistency,
  type Inclusion,
  makeProof,
  nodesOf,
  type ProofPlan,
  planConsistency,
  planInclusion,
  rootOfInclusion,
  verifyConsistency,
  verifyInclusion,
} from './log/proofs.ts';
export {
  decodeEntries,
  encodeEntries,
  formatTilePath,
  type HashTile,
  hashInTile,
  parseTilePath,
  splitTile,
  type Tile,
  tileHashes,
  tileHashReader,
  tileOf,
  tilesBetween,
  tilesOf,
  tileWidth,
} from './log/tiles.ts';
export {
  emptyRoot,
  equalHashes,
  type HashReader,
  hashBytes,
  nodeHash,
  rangeNodes,
  rootOfEdge,
  rootOfPerfect,
  type TreeNode,
} from './log/tree.ts';
export {
  type Cryptography,
  clockToleranceSec,
  followRotations,
  formatRotation,
  openTrustedCheckpoint,
  parseRotation,
  type Rotation,
  type Trust,
  type TrustedCheckpoint,
  type TrustedKey,
  trustKey,
} from './log/trust.ts';
export {
  formatVerifierKey,
  isKeyName,
  parseVerifierKey,
  type SignatureType,
  signatureTypes,
  timestampKey,
  type VerifierKey,
  verifierKey,
} from './log/verifier-key.ts';
export { findDigest, type OpenedEvent, type Opening, openEvent } from './open.ts';
export { parseBody } from './parse.ts';
export { type SealedEvent, type Sealing, sealEvent } from './seal.ts';
export { portableSha256, type Sha256 } from './sha256.ts';
