/**
 * Which fields of an event type are erasable, compiled once so that sealing finds them while it walks the event.
 */
import { EventError } from './errors.ts';
import { isFixedField } from './fields.ts';
import { parsePointer } from './pointer.ts';

/** One token of a pointer; `entryHead` and `slot` are set where a pointer ends. */
export type ErasableNode = {
  readonly children: Map<string, ErasableNode>;
  /** How the field's entry in the private row begins: its pointer as a key, and the open array. */
  entryHead?: string;
  /** The entry's place in the private row, whose keys are sorted. */
  slot: number;
  /** What the last object walked here looked like; events of one type mostly look alike. */
  layout?: ObjectLayout;
};

/** How to write the objects that have these keys in this order. */
export type ObjectLayout = { readonly keys: readonly string[]; readonly members: readonly MemberLayout[] };

/** One member, in canonical order. `head`: the brace or comma before it, its key and the colon. */
export type MemberLayout = {
  readonly key: string;
  readonly head: string;
  readonly node: ErasableNode | undefined;
};

export type ErasableFields = { readonly root: ErasableNode; readonly count: number };

/**
 * Throws `malformed_pointer`, `overlapping_pointers` (one field within another, or twice the same) or `fixed_field`
 * (one that every reader and every verifier needs).
 */
export function compileErasable(pointers: readonly string[]): ErasableFields {
  const root = newNode();
  for (const [slot, pointer] of pointers.toSorted().entries()) {
    const tokens = parsePointer(pointer);
    if (isFixedField(tokens)) throw new EventError('fixed_field', pointer);
    let node = root;
    for (const token of tokens) {
      if (node.entryHead !== undefined) throw new EventError('overlapping_pointers', pointer);
      let child = node.children.get(token);
      if (child === undefined) {
        child = newNode();
        node.children.set(token, child);
      }
      node = child;
    }
    if (node.entryHead !== undefined || node.children.size > 0) {
      throw new EventError('overlapping_pointers', pointer);
    }
    node.entryHead = `${JSON.stringify(pointer)}:["`;
    node.slot = slot;
  }
  return { root, count: pointers.length };
}

function newNode(): ErasableNode {
  return { children: new Map(), slot: -1 };
}
