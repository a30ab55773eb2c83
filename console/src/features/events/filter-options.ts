/** What can be chosen in the filters, from the contract: types by family, outcomes, reasons, kinds. */
import {
  credentialKinds,
  declarationOf,
  eventTypes,
  isEventType,
  outcomes,
  principalKinds,
  reasons,
  reasonTexts,
} from '@tallyman/contract';
import { outcomeText } from '../../parts/outcome-badge.tsx';
import { inWords } from '../../parts/time-text.ts';
import type { ListFilter, PlainFilter } from './trail-search.ts';

type Option = { value: string; label: string };

export const filterLabels = {
  type: 'Type',
  outcome: 'Outcome',
  reason: 'Reason',
  actor: 'Actor',
  actorKind: 'Kind of actor',
  onBehalfOf: 'On behalf of',
  credential: 'Credential',
  credentialKind: 'Kind of credential',
  namespace: 'Namespace',
  project: 'Project',
  target: 'Target',
  targetKind: 'Kind of target',
  ip: 'Address',
  userAgent: 'Agent',
  requestId: 'Request',
  cause: 'Brought about by',
  from: 'From',
  to: 'Until',
  text: 'Text',
  repeats: 'Repeats',
} as const satisfies Record<ListFilter | PlainFilter, string>;

export const filterHints: Partial<Record<ListFilter, string>> = {
  actor: 'name or id',
  onBehalfOf: 'name or id',
  credential: 'id',
  namespace: 'name or id',
  project: 'namespace/name or id',
  target: 'name or id',
  targetKind: 'tag, manifest, user, …',
  ip: '203.0.113.7 or 203.0.113.0/24',
  userAgent: 'any part of it',
  requestId: 'id',
  cause: 'event id',
};

/** A family ends with its dot: `container.` or `container.tag.`. */
const families = [...new Set(eventTypes.flatMap((type) => [prefixOf(type, 1), prefixOf(type, 2)]))].sort();

export const typeOptions: { group: string; items: Option[] }[] = [
  ...Map.groupBy(
    [...families, ...eventTypes].filter((name) => !isLoneFamily(name)),
    (name) => prefixOf(name, 1),
  ),
].map(([group, names]) => ({
  group: sentenceCase(inWords(group.slice(0, -1))),
  items: names.map((value) => ({ value, label: typeText(value) })),
}));

export const listOptions: Partial<Record<ListFilter, Option[]>> = {
  outcome: outcomes.map((value) => ({ value, label: outcomeText(value) })),
  reason: reasons.map((value) => ({ value, label: `${sentenceCase(reasonTexts[value])} (${value})` })),
  actorKind: principalKinds.map((value) => ({ value, label: sentenceCase(inWords(value)) })),
  credentialKind: credentialKinds.map((value) => ({ value, label: sentenceCase(inWords(value)) })),
};

export function typeText(value: string): string {
  if (isEventType(value)) return declarationOf(value).title;
  if (!value.endsWith('.')) return value;
  const words = value.slice(0, -1).split('.').map(inWords);
  return words.length === 1 ? `Everything: ${words[0]}` : `All of ${words.join(' · ')}`;
}

/** How a value stands on a filter's pill. */
export function valueText(filter: ListFilter | PlainFilter, value: string): string {
  if (filter === 'type') return typeText(value);
  if (filter === 'repeats') return value === 'rows' ? 'each on its own row' : 'merged';
  if (filter === 'from' || filter === 'to') return new Date(value).toLocaleString();
  if (filter === 'reason' && Object.hasOwn(reasonTexts, value))
    return reasonTexts[value as keyof typeof reasonTexts];
  return filter === 'actorKind' || filter === 'credentialKind' || filter === 'outcome'
    ? inWords(value)
    : value;
}

function prefixOf(type: string, words: number): string {
  return `${type.split('.').slice(0, words).join('.')}.`;
}

/** A second-level family of one type says no more than the type. */
function isLoneFamily(name: string): boolean {
  return name.endsWith('.') && eventTypes.filter((type) => type.startsWith(name)).length < 2;
}

function sentenceCase(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
