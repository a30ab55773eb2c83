/** What is declared of each control, and which names in it must exist: docs/reference/compliance.md is made from this. */
import type { EventType } from '@tallyman/contract';

/** A test by its file and its title: without the database it runs on, `…` for what differs from case to case. */
export type NamedTest = readonly [file: string, title: string];

export type Control = {
  /** As the standard numbers it. */
  number: string;
  title: string;
  /** What it wants, in our words. */
  asks: string;
  does: readonly string[];
  events: readonly EventType[];
  /** Keys of the configuration, runtime settings, switches (`failed_…`) and retention classes (`retention.…`). */
  settings: readonly string[];
  /** Of the command line, without `tallyman`. */
  commands: readonly string[];
  tests: readonly NamedTest[];
  /** What it wants that no software does alone, or that Tallyman does not do. */
  yours: string;
};

export type Framework = { title: string; about: string; controls: readonly Control[] };
