/** What every question to the projection has, and how it is worked on. Plain data: questions cross to other threads. */
import type { EventFilter } from '@tallyman/contract';
import { BoundedCache } from '../stdx/bounded-cache.ts';
import type { ReaderRights, View } from './reader.ts';
import type { SearchSource } from './search-source.ts';
import type { Words } from './select.ts';
import type { ShownTexts } from './shown-texts.ts';

export type Question = { view: View; reader: ReaderRights; filter: EventFilter };

/** `requireWanted` throws when nobody waits for the answer any more. */
export type Work = {
  source: SearchSource;
  words: Words;
  shown: ShownTexts;
  requireWanted?: () => void;
};

/**
 * A question as JSON, which crosses to another thread at less cost than what it says: `place` is what comes again and again
 * (who asks, where, and for what), `rest` the rest.
 */
export type QuestionTexts = { place: string; rest: string };

export function questionTexts(question: object): QuestionTexts {
  const { view, reader, filter, ...rest } = question as Partial<Question>;
  return { place: JSON.stringify({ view, reader, filter }), rest: JSON.stringify(rest) };
}

/** Gives the same objects for the same place, so that what is made of them is remembered with them (stdx/remember.ts). */
export class QuestionReader {
  readonly #places = new BoundedCache<object>(500);

  read({ place, rest }: QuestionTexts): object {
    let found = this.#places.get(place);
    if (!found) {
      found = JSON.parse(place) as object;
      this.#places.set(place, found);
    }
    return { ...found, ...JSON.parse(rest) };
  }
}
