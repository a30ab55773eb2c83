/**
 * Events as the JSON that a page shows, remembered for the events that are asked for again and again: the newest. An
 * erased value cannot come back from here: what is remembered counts only while no stored event was changed, where the
 * source knows that, and else while the event's stored bytes are the same.
 */
import { maskedFields, type Rights } from './audience.ts';
import { factsOf, openWithCount, type StoredEvent } from './projected-row.ts';
import type { Facts } from './rule.ts';
import type { SearchSource } from './search-source.ts';
import { findRepeats, showOpened } from './show.ts';

/** Some 3 kB each. */
const mostRemembered = 2_000;

/** `refusal`: its id, when it is one, whose repeats may have grown and are not in `texts`. `texts`: by what is masked. */
type Remembered = {
  stored: StoredEvent;
  facts: Facts;
  refusal: string | undefined;
  texts: Map<string, string>;
  /** What was seen of it last: the same rights come again as the same object. */
  last?: { rights: Rights; shown: Shown };
};
type Shown = { text: string; refusal: string | undefined };

export class ShownTexts {
  readonly #events = new Map<number, Remembered>();
  #changes: number | undefined;

  clear(): void {
    this.#events.clear();
  }

  /** `changes`: how many changes of stored events there were. What was remembered before another one is forgotten. */
  after(changes: number): void {
    if (changes !== this.#changes) this.clear();
    this.#changes = changes;
  }

  /** What is remembered of the event as these rights let it be seen. Call `after` first. */
  recall(idx: number, rights: Rights): Shown | undefined {
    const known = this.#events.get(idx);
    if (known === undefined || known.last?.rights === rights) return known?.last?.shown;
    const text = known.texts.get(maskedFields(rights, known.facts).join());
    if (text === undefined) return undefined;
    known.last = { rights, shown: { text, refusal: known.refusal } };
    return known.last.shown;
  }

  show(stored: StoredEvent, rights: Rights): Shown {
    const { facts, refusal, texts } = this.#of(stored);
    const masked = maskedFields(rights, facts);
    const key = masked.join();
    let text = texts.get(key);
    if (text === undefined) {
      text = JSON.stringify(showOpened(stored, openWithCount(stored), masked));
      texts.set(key, text);
    }
    return { text, refusal };
  }

  #of(stored: StoredEvent): Remembered {
    const known = this.#events.get(stored.idx);
    if (known?.stored.body === stored.body && known.stored.fields === stored.fields) return known;
    const { event } = openWithCount(stored);
    const refusal = event.outcome === 'success' ? undefined : event.id;
    const found = { stored, facts: factsOf(event), refusal, texts: new Map() };
    this.#events.delete(stored.idx);
    if (this.#events.size >= mostRemembered) this.#events.delete(this.#events.keys().next().value as number);
    this.#events.set(stored.idx, found);
    return found;
  }
}

export type TextsAsked = {
  indexes: readonly number[];
  /** The events, where they were read already. */
  stored: readonly StoredEvent[] | undefined;
  merged: boolean;
};

/** What `showEvents` gives of the events that are there, each as JSON. */
export async function showTexts(
  { source, shown }: { source: SearchSource; shown: ShownTexts },
  rights: Rights,
  { indexes, stored, merged }: TextsAsked,
): Promise<string[]> {
  const found = new Map<number, Shown>();
  const changes = stored === undefined ? await source.changes?.() : undefined;
  if (changes !== undefined) {
    shown.after(changes);
    for (const idx of indexes) {
      const known = shown.recall(idx, rights);
      if (known) found.set(idx, known);
    }
  }
  const missing = indexes.filter((idx) => !found.has(idx));
  for (const event of stored ?? (await source.events(missing)))
    found.set(event.idx, shown.show(event, rights));
  const there = indexes.map((idx) => found.get(idx)).filter((one) => one !== undefined);
  const refusals = there.map(({ refusal }) => refusal).filter((id) => id !== undefined);
  const repeats = merged ? await findRepeats(source, rights, refusals) : new Map();
  return there.map(({ text, refusal }) => {
    const counted = refusal === undefined ? undefined : repeats.get(refusal);
    return counted === undefined ? text : `${text.slice(0, -1)},"repeats":${JSON.stringify(counted)}}`;
  });
}
