/**
 * Everything an auditor needs to check an event, and what the server needs to write one that can be checked. No
 * dependency, synchronous, the same in Node and in a browser. The format is docs/spec/event.md.
 */
export { canonicalize } from './canonical.ts';
export { decodeBase64url, decodeUtf8, encodeBase64url, encodeUtf8 } from './encoding.ts';
export { compileErasable, type ErasableFields } from './erasable.ts';
export { EventError, type EventErrorReason, eventErrorReasons } from './errors.ts';
export { type Json, type JsonObject, maxBodyBytes, maxDepth, maxPrivateBytes } from './json.ts';
export { leafHash, leafHashText } from './leaf.ts';
export { findDigest, type OpenedEvent, type Opening, openEvent } from './open.ts';
export { parseBody } from './parse.ts';
export { type SealedEvent, type Sealing, sealEvent } from './seal.ts';
export { portableSha256, type Sha256 } from './sha256.ts';
