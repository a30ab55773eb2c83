/** The one table a bench run prints. */
import type { Comparison } from './pairs.ts';

export type BenchRow = {
  /** The letter of the requirement, and what is compared with what. */
  row: string;
  what: string;
  unit: string;
  comparison: Comparison;
  /** The ratio asked for; undefined = reported only. */
  bar?: { ratio: number; by: 'median' | 'upper' };
  note?: string;
};

export function formatTable(rows: readonly BenchRow[]): string {
  const cells = rows.map(({ row, what, unit, comparison: c, bar, note }) => [
    row,
    what,
    `${formatNumber(c.ours)} ${unit}`,
    `${formatNumber(c.theirs)} ${unit}`,
    `${c.ratio.toFixed(2)} [${c.low.toFixed(2)}, ${c.high.toFixed(2)}]`,
    String(c.pairs),
    bar ? `${bar.ratio} ${verdict(c, bar)}` : '-',
    note ?? '',
  ]);
  const head = ['row', 'what', 'Tallyman', 'beside', 'ratio [95 %]', 'pairs', 'bar', 'note'];
  const widths = head.map((title, at) =>
    Math.max(title.length, ...cells.map((cell) => (cell[at] as string).length)),
  );
  const line = (cell: readonly string[]) =>
    `| ${cell.map((text, at) => text.padEnd(widths[at] as number)).join(' | ')} |`;
  return [line(head), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...cells.map(line)].join(
    '\n',
  );
}

function verdict(c: Comparison, bar: NonNullable<BenchRow['bar']>): string {
  return (bar.by === 'median' ? c.ratio : c.high) >= bar.ratio ? 'met' : 'MISSED';
}

function formatNumber(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString('en-GB');
  return value.toPrecision(3);
}
