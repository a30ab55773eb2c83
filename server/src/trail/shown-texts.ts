/**
 * Events as the JSON that a page shows, remembered for the events that are asked for again and again: the newest. What is
 * remembered of an event counts only while its stored bytes are the same, so an erased value cannot come back from here.
 */
import type { ShownEvent } from '@tallyman/contract';
import { maskedFields, type Rights } from './audience.ts';
import { factsOf, openWithCount, type StoredEvent } from './projected-row.ts';
import type { Facts } from './rule.ts';
import type { SearchSource } from './search-source.ts';
import { mergeRepeats, showEvent, showOpened } from './show.ts';

/** Some 3 kB each. */
const mostRemembered = 2_000;

/** `texts`: by what is masked. */
type Remembered = StoredEvent & { facts: Facts; isRefusal: boolean; texts: Map<string, string> };

export class ShownTexts {
  readonly #events = new Map<number, Remembered>();

  clear(): void {
    this.#events.clear();
  }

  isRefusal(stored: StoredEvent): boolean {
    return this.#of(stored).isRefusal;
  }

  textOf(stored: StoredEvent, rights: Rights): string {
    const remembered = this.#of(stored);
    const masked = maskedFields(rights, remembered.facts);
    const key = masked.join();
    let text = remembered.texts.get(key);
    if (text === undefined) {
      text = JSON.stringify(showOpened(stored, openWithCount(stored), masked));
      remembered.texts.set(key, text);
    }
    return text;
  }

  #of(stored: StoredEvent): Remembered {
    const known = this.#events.get(stored.idx);
    if (known?.body === stored.body && known.fields === stored.fields) return known;
    const { event } = openWithCount(stored);
    const found = {
      ...stored,
      facts: factsOf(event),
      isRefusal: event.outcome !== 'success',
      texts: new Map(),
    };
    this.#events.delete(stored.idx);
    if (this.#events.size >= mostRemembered) this.#events.delete(this.#events.keys().next().value as number);
    this.#events.set(stored.idx, found);
    return found;
  }
}

/** What `showEvents` gives, each as JSON. A refusal is made anew: its repeats may have grown. */
export async function showTexts(
  { source, shown }: { source: SearchSource; shown: ShownTexts },
  rights: Rights,
  { stored, merged }: { stored: readonly StoredEvent[]; merged: boolean },
): Promise<string[]> {
  const refusals = new Map<number, ShownEvent>();
  if (merged)
    for (const event of stored) if (shown.isRefusal(event)) refusals.set(event.idx, showEvent(event, rights));
  await mergeRepeats(source, rights, [...refusals.values()]);
  return stored.map((event) => {
    const refusal = refusals.get(event.idx);
    return refusal === undefined ? shown.textOf(event, rights) : JSON.stringify(refusal);
  });
}
