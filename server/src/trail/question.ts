/** What every question to the projection has, and how it is worked on. Plain data: questions cross to other threads. */
import type { EventFilter } from '@tallyman/contract';
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
