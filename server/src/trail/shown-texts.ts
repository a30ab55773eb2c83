/**
 * Events as the JSON that a page shows, remembered for the events that are asked for again and again: the newest. An
 * erased value cannot come back from here: what is remembered counts only while no stored event was changed or dropped,
 * which a number tells that is durable with whatever unit does so.
 */
import { maskedFields, type Rights } from './audience.ts';
import { factsOf, type OpenEvent, openWithCount, type StoredEvent } from './projected-row.ts';
import type { Facts } from './rule.ts';
import type { SearchSource } from './search-source.ts';
import { findRepeats, showOpened } from './show.ts';

/** Some 3 kB each. */
const mostRemembered = 2_000;

/** `refusal`: its id, when it is one, whose repeats may have grown and are not in `texts`. `texts`: by what is masked. */
type Remembered = {
  facts: Facts;
  refusal: string | undefined;
  texts: Map<string, string>;
  /** What was seen of it last: the same rights come again as the same object. */
  last?: { rights: Rights; shown: Shown };
};
type Shown = { text: string; refusal: string | undefined };

/** `changes` of each call: how many changes of stored events there were before what is asked about was found. */
export class ShownTexts {
  readonly #events = new Map<number, Remembered>();
  #changes = 0;

  clear(): void {
    this.#events.clear();
  }

  /** What is remembered of the event as these rights let it be seen. */
  recall(idx: number, rights: Rights, changes: number): Shown | undefined {
    if (!this.#isNow(changes)) return undefined;
    const known = this.#events.get(idx);
    if (known === undefined || known.last?.rights === rights) return known?.last?.shown;
    const text = known.texts.get(maskedFields(rights, known.facts).join());
    if (text === undefined) return undefined;
    known.last = { rights, shown: { text, refusal: known.refusal } };
    return known.last.shown;
  }

  show(stored: StoredEvent, rights: Rights, changes: number): Shown {
    const opened = openWithCount(stored);
    const { facts, refusal, texts } = this.#of(stored.idx, opened.event, changes);
    const masked = maskedFields(rights, facts);
    const text = JSON.stringify(showOpened(stored, opened, masked));
    texts.set(masked.join(), text);
    return { text, refusal };
  }

  /** False for who asked before a change that others know of already: what they found may be what it changed. */
  #isNow(changes: number): boolean {
    if (changes > this.#changes) {
      this.clear();
      this.#changes = changes;
    }
    return changes === this.#changes;
  }

  #of(idx: number, event: OpenEvent, changes: number): Remembered {
    const isNow = this.#isNow(changes);
    const known = isNow ? this.#events.get(idx) : undefined;
    if (known) return known;
    const refusal = event.outcome === 'success' ? undefined : event.id;
    const found = { facts: factsOf(event), refusal, texts: new Map() };
    if (!isNow) return found;
    if (this.#events.size >= mostRemembered) this.#events.delete(this.#events.keys().next().value as number);
    this.#events.set(idx, found);
    return found;
  }
}

export type TextsAsked = {
  indexes: readonly number[];
  /** Where it was read with the indexes: else it is asked for. */
  changes: number | undefined;
  merged: boolean;
};

/** What `showEvents` gives of the events that are there, each as JSON. */
export async function showTexts(
  { source, shown }: { source: SearchSource; shown: ShownTexts },
  rights: Rights,
  { indexes, merged, ...asked }: TextsAsked,
): Promise<string[]> {
  if (indexes.length === 0) return [];
  const found = new Map<number, Shown>();
  const changes = asked.changes ?? (await source.changes());
  for (const idx of indexes) {
    const known = shown.recall(idx, rights, changes);
    if (known) found.set(idx, known);
  }
  const missing = indexes.filter((idx) => !found.has(idx));
  for (const event of await source.events(missing)) found.set(event.idx, shown.show(event, rights, changes));
  const there = indexes.map((idx) => found.get(idx)).filter((one) => one !== undefined);
  const refusals = there.map(({ refusal }) => refusal).filter((id) => id !== undefined);
  const repeats = merged ? await findRepeats(source, rights, refusals) : new Map();
  return there.map(({ text, refusal }) => {
    const counted = refusal === undefined ? undefined : repeats.get(refusal);
    return counted === undefined ? text : `${text.slice(0, -1)},"repeats":${JSON.stringify(counted)}}`;
  });
}
