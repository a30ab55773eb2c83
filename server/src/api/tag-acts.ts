/**
 * Who brought the states of a tag about and ended them: told by their events, as far as these are for the caller to read.
 * So one declaration decides here too whom a name is shown, and who did it is forgotten when retention drops the event.
 */
import type { Scope, ShownEvent, TagAct, TagHistoryEntry } from '@tallyman/contract';
import type { Caller } from '../domain/caller.ts';
import type { View } from '../trail/reader.ts';
import type { Search } from '../trail/search.ts';
import { type ReaderParts, readerOf } from './reader.ts';

/** What the rows tell. */
export type TagStateShown = Omit<TagHistoryEntry, 'begun' | 'ended'>;
export type TagActParts = ReaderParts & { search: Pick<Search, 'findEvents'> };

export async function withActs(
  parts: TagActParts,
  { caller, scope, tag }: { caller: Caller | undefined; scope: Scope; tag: string },
  states: readonly TagStateShown[],
): Promise<TagHistoryEntry[]> {
  const events = await eventsFor(parts, { caller, scope, tag }, states);
  const actOf = (id: string | null): TagAct | null => tagActOf(id === null ? undefined : events.get(id));
  return states.map((state) => ({
    ...state,
    begun: actOf(state.fromEventId),
    ended: actOf(state.toEventId),
  }));
}

/** A token reads events only with the scope for it. */
async function eventsFor(
  parts: TagActParts,
  { caller, scope, tag }: { caller: Caller | undefined; scope: Scope; tag: string },
  states: readonly TagStateShown[],
): Promise<ReadonlyMap<string, ShownEvent>> {
  const { namespace, project } = scope;
  const may = caller !== undefined && (caller.scopes === undefined || caller.scopes.has('events:read'));
  if (!may || namespace === undefined || project === undefined || states.length === 0) return new Map();
  const view: View = { kind: 'project', namespace, project };
  const ids = states.flatMap(({ fromEventId, toEventId }) => [
    fromEventId,
    ...(toEventId === null ? [] : [toEventId]),
  ]);
  const asked = { ids: new Set(ids), view, text: JSON.stringify({ history: tag }) };
  return parts.search.findEvents(asked, await readerOf(parts, caller));
}

function tagActOf(event: ShownEvent | undefined): TagAct | null {
  if (event === undefined) return null;
  const { type, actor, details } = event;
  const { kind, id, name } = actor;
  return {
    type: type as TagAct['type'],
    how: (details as { by: TagAct['how'] }).by,
    by: { kind, id: id ?? null, name: name ?? null },
  };
}
