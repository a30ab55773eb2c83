/**
 * Events as evidence: the public body as the log hashed it, with the private entries that this reader may read. A body
 * cannot be masked without breaking its hash; so where it says in the open what the reader may not know (where their own
 * refusal stands, and why), there is no evidence for this reader at all.
 */
import { discloseEntries } from '@tallyman/verifier';
import { maskedFields, type Rights } from './audience.ts';
import { factsOf, openStored, type StoredEvent } from './projected-row.ts';
import { holds } from './rule.ts';
import type { SearchSource } from './search-source.ts';

export type EvidenceEntry = {
  index: number;
  body: string;
  /** The disclosed part of the private row. */
  private: string;
};

/** `hidden`: it is there for the reader, its body is not. Undefined: not there for the reader. */
export type Evidence = EvidenceEntry | 'hidden' | undefined;

export async function readEvidence(
  source: SearchSource,
  rights: Rights,
  indexes: readonly number[],
): Promise<Evidence[]> {
  const stored = await source.events(indexes);
  const found = new Map(stored.map((event) => [event.idx, evidenceOf(event, rights)]));
  return indexes.map((index) => found.get(index));
}

function evidenceOf(stored: StoredEvent, rights: Rights): Evidence {
  const facts = factsOf(openStored(stored));
  if (!holds(rights.readable, facts)) return undefined;
  if (!holds(rights.placed, facts)) return 'hidden';
  const masked = maskedFields(rights, facts);
  const isMasked = (pointer: string): boolean =>
    masked.some((mask) => pointer === mask || pointer.startsWith(`${mask}/`));
  const disclosed = discloseEntries(stored.fields ?? '{}', (pointer) => !isMasked(pointer));
  return { index: stored.idx, body: stored.body, private: disclosed };
}
