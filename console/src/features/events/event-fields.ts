/** An event as a full list of its fields, the withheld and the erased ones included. Pure. */
import { declarationOf, fieldMarks, isEventType, type ShownEvent } from '@tallyman/contract';

/**
 * `erased`: the value was deleted, nobody can show it. `withheld`: a field this reader may not see, or that was erased;
 * from outside both look the same.
 */
export type FieldState = 'shown' | 'erased' | 'withheld';
export type EventField = { pointer: string; label: string; value: string; state: FieldState };
export type FieldGroup = { title: string; fields: EventField[] };

const groups: readonly { title: string; keys: readonly string[] }[] = [
  { title: 'What', keys: ['type', 'title', 'sentence', 'outcome', 'reason', 'severity', 'target'] },
  { title: 'Who', keys: ['actor', 'onBehalfOf', 'credential'] },
  { title: 'Where', keys: ['scope', 'request'] },
  { title: 'Details of this type', keys: ['details'] },
  { title: 'Repeats', keys: ['repeats'] },
  { title: 'Record', keys: ['id', 'index', 'occurredAt', 'recordedAt', 'cause', 'v', 'version'] },
];

/** Shown elsewhere in words, or only about the others. */
const left = new Set(['withheld', 'causedBy']);

export function fieldGroups(event: ShownEvent): FieldGroup[] {
  const marks = isEventType(event.type) ? fieldMarks(declarationOf(event.type)) : undefined;
  const restricted = new Set(marks?.restricted);
  // What cannot be erased was withheld, whatever its marks: whoever was refused is not told what is hidden.
  const erasable = new Set(marks?.erasable);
  const fields = [
    ...Object.entries(event)
      .filter(([key]) => !left.has(key))
      .flatMap(([key, value]) => flatten(`/${key}`, value)),
    ...event.withheld.map(
      (pointer): EventField => ({
        pointer,
        label: labelOf(pointer),
        value: '',
        state: erasable.has(pointer) && !restricted.has(pointer) ? 'erased' : 'withheld',
      }),
    ),
  ];
  const known = groups.map(({ title, keys }) => ({
    title,
    fields: fields
      .filter(({ pointer }) => keys.includes(firstKey(pointer)))
      .sort((a, b) => keys.indexOf(firstKey(a.pointer)) - keys.indexOf(firstKey(b.pointer))),
  }));
  const others = fields.filter(({ pointer }) => !groups.some(({ keys }) => keys.includes(firstKey(pointer))));
  return [...known, { title: 'Other', fields: others }].filter((group) => group.fields.length > 0);
}

function flatten(pointer: string, value: unknown): EventField[] {
  if (value === undefined) return [];
  if (typeof value === 'object' && value !== null && !isListOfScalars(value)) {
    return Object.entries(value).flatMap(([key, inner]) => flatten(`${pointer}/${escapeKey(key)}`, inner));
  }
  return [{ pointer, label: labelOf(pointer), value: textOf(value), state: 'shown' }];
}

function isListOfScalars(value: object): value is unknown[] {
  return Array.isArray(value) && value.every((item) => typeof item !== 'object' || item === null);
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.join(', ');
  if (value === null) return 'none';
  if (value === true) return 'yes';
  return value === false ? 'no' : String(value);
}

/** `/actor/onBehalfOf` is `actor on behalf of`; the first word of details goes without saying. */
function labelOf(pointer: string): string {
  const keys = pointer.slice(1).split('/').map(unescapeKey);
  const told = ['details', 'scope'].includes(keys[0] ?? '') ? keys.slice(1) : keys;
  const words = told
    .join(' ')
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replaceAll('_', ' ')
    .toLowerCase()
    .replace(/\bid\b/g, 'ID')
    .replace(/\bip\b/g, 'IP');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

const firstKey = (pointer: string): string => pointer.split('/')[1] ?? '';
const escapeKey = (key: string): string => key.replaceAll('~', '~0').replaceAll('/', '~1');
const unescapeKey = (key: string): string => key.replaceAll('~1', '/').replaceAll('~0', '~');
