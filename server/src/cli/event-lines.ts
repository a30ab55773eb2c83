/** Events as lines for people. What comes from the server was typed by strangers: control characters are shown, not sent. */
import type { ShownEvent } from '@tallyman/contract';

const columns = [
  { title: 'TIME', width: 24, of: (event: ShownEvent) => event.occurredAt.replace(/\d{3}Z$/, 'Z') },
  { title: 'OUTCOME', width: 8, of: (event: ShownEvent) => event.outcome },
  { title: 'ACTOR', width: 18, of: actorOf },
  { title: 'TYPE', width: 26, of: (event: ShownEvent) => event.type },
] as const;

export const headLine: string = [...columns.map(({ title, width }) => title.padEnd(width)), 'WHAT'].join(
  '  ',
);

export function eventLine(event: ShownEvent): string {
  const cells = columns.map(({ of, width }) => printable(of(event)).padEnd(width));
  const repeats = event.repeats === undefined ? '' : ` (and ${event.repeats.count} more like it)`;
  return [...cells, printable(event.sentence) + repeats].join('  ');
}

function actorOf({ actor }: ShownEvent): string {
  const name = actor.name ?? actor.kind;
  return actor.proven ? name : `(${name})`;
}

/** Terminals act on control characters; bidirectional marks turn a line round. */
export function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\u2028\u2029]/gu,
    (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`,
  );
}
