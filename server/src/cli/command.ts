/** What a command is: a declaration from which its parsing, its help and its reference page are made, and a function. */

export type FlagDeclaration = {
  /** Name of the value in help texts, such as `FILE`; absent = a switch. */
  value?: string;
  /** May be given several times. */
  many?: boolean;
  description: string;
};

export type PositionalDeclaration = { name: string; description: string; optional?: boolean };

export type Input = {
  /** Undefined when not given. */
  text(flag: string): string | undefined;
  texts(flag: string): string[];
  on(flag: string): boolean;
  /** By position; '' for an optional one that is not there. */
  positional(at: number): string;
};

/** Where a command speaks: results to `out`, what is said about them to `err`. */
export type Terminal = {
  out(text: string): void;
  err(text: string): void;
  /** The whole of standard input, for secrets that must not stand in the list of processes. */
  readInput(): Promise<string>;
};

export type Command = {
  /** As typed: `admin create-user`. */
  name: string;
  summary: string;
  /** Paragraphs. */
  description: readonly string[];
  positionals: readonly PositionalDeclaration[];
  flags: Readonly<Record<string, FlagDeclaration>>;
  examples: readonly { line: string; says: string }[];
  /** Resolves to the exit code of an ending that is no error; throws otherwise. */
  run(input: Input, terminal: Terminal): Promise<number>;
};
