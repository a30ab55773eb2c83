/** The catalogue: every event type there is, by name. A released type is never renamed or reused. */
import type { z } from 'zod';
import { accountTypes } from './accounts.ts';
import { containerTypes } from './containers.ts';
import { credentialTypes } from './credentials.ts';
import { forgetTypes } from './forget.ts';
import { immutabilityTypes } from './immutability.ts';
import type { EventTypeDeclaration } from './kind.ts';
import { logTypes } from './log.ts';
import { namespaceTypes } from './namespaces.ts';
import { systemTypes } from './system.ts';
import { upkeepTypes } from './upkeep.ts';

export const catalogue = {
  ...accountTypes,
  ...credentialTypes,
  ...namespaceTypes,
  ...containerTypes,
  ...immutabilityTypes,
  ...logTypes,
  ...forgetTypes,
  ...systemTypes,
  ...upkeepTypes,
} as const;

export type EventType = keyof typeof catalogue;
export type EventDetails<T extends EventType> = z.infer<(typeof catalogue)[T]['details']>;

export const eventTypes = Object.keys(catalogue).sort() as EventType[];

/** Types that record a refusal: their details carry `attempted`. */
export type RefusalType = {
  [T in EventType]: EventDetails<T> extends { attempted: unknown } ? T : never;
}[EventType];

export function isEventType(name: string): name is EventType {
  return Object.hasOwn(catalogue, name);
}

/** The declaration of a type, with the general type that walks over the catalogue need. */
export function declarationOf(type: EventType): EventTypeDeclaration {
  return catalogue[type] as unknown as EventTypeDeclaration;
}
