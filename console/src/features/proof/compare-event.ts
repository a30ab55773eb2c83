/** Whether a page shows what was proven. Pure. */
import type { ShownEvent } from '@tallyman/contract';
import type { ProvenEvent } from './check-bundle.ts';

/**
 * JSON Pointers of fields that the page shows otherwise than the log holds them; empty when all agree. Fields that
 * either side withholds cannot be compared.
 */
export function findDifferences(shown: ShownEvent, proven: ProvenEvent): string[] {
  const differences = shown.index === proven.index ? [] : ['/index'];
  const hidden = new Set([...shown.withheld, ...proven.withheld]);
  compare(shown, proven.event, { pointer: '', hidden, differences });
  return differences;
}

type Place = { pointer: string; hidden: ReadonlySet<string>; differences: string[] };

function compare(shown: unknown, proven: unknown, { pointer, hidden, differences }: Place): void {
  if (hidden.has(pointer)) return;
  if (isRecord(shown) && isRecord(proven)) {
    for (const [key, value] of Object.entries(proven)) {
      const inside = `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
      compare(shown[key], value, { pointer: inside, hidden, differences });
    }
    return;
  }
  if (JSON.stringify(shown) !== JSON.stringify(proven)) differences.push(pointer);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
