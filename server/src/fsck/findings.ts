/** What fsck has to say: each finding once, in the order it was met, and never more of them than anybody would read. */

export const checkNames = ['events', 'tree', 'projection', 'references', 'blobs'] as const;
export type CheckName = (typeof checkNames)[number];

/**
 * `error`: what is stored is not what was recorded, or no longer whole. `notice`: worth knowing and no fault, such as
 * bytes that garbage collection will remove.
 */
export type Severity = 'error' | 'notice';

export type Finding = {
  severity: Severity;
  check: CheckName;
  /** A closed word for programs; docs/operating/fsck.md lists them. */
  what: string;
  /** For people: which index, which id, what was expected and what is there. Never a value that a person chose. */
  message: string;
  /** The index it is about, or the first of several. */
  index?: number;
};

/** Told of each word; those beyond are counted. */
const mostTold = 100;

export class Findings {
  readonly told: Finding[] = [];
  /** All there are, told or not. */
  errors = 0;
  notices = 0;
  readonly #counts = new Map<string, number>();
  readonly #onFinding: (finding: Finding) => void;

  constructor(onFinding: (finding: Finding) => void = () => {}) {
    this.#onFinding = onFinding;
  }

  add(finding: Finding): void {
    if (finding.severity === 'error') this.errors++;
    else this.notices++;
    const count = (this.#counts.get(finding.what) ?? 0) + 1;
    this.#counts.set(finding.what, count);
    if (count > mostTold) return;
    this.told.push(finding);
    this.#onFinding(finding);
  }

  /** Words of which more were found than told, with how many. */
  untold(): { what: string; count: number }[] {
    return [...this.#counts].flatMap(([what, count]) =>
      count > mostTold ? [{ what, count: count - mostTold }] : [],
    );
  }
}

/** Adds findings of one check. */
export type Tell = {
  error(what: string, message: string, index?: number): void;
  notice(what: string, message: string, index?: number): void;
};

export function tellOf(check: CheckName, add: (finding: Finding) => void): Tell {
  const say = (severity: Severity) => (what: string, message: string, index?: number) =>
    add({ severity, check, what, message, ...(index !== undefined && { index }) });
  return { error: say('error'), notice: say('notice') };
}

/** Stands for what a second look at the same thing would find again. */
export function keyOf({ check, what, message }: Finding): string {
  return `${check} ${what} ${message}`;
}
