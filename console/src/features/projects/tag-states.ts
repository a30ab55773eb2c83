/** Who brought a state of a tag about, or ended it, in words; and the times one can ask about. Pure. */
import type { TagAct } from '@tallyman/contract';
import { fromLocalField, inWords } from '../../parts/time-text.ts';

const hows: Record<TagAct['how'], string> = {
  push: 'with a push',
  retag: 'by pointing it there',
  restore: 'by restoring it',
  request: 'on request',
  manifest: 'with its manifest',
  expiry: 'as it expired',
};

/** `by olivia, with a push`; `deleted by olivia, on request`. */
export function actText({ type, how, by }: TagAct): string {
  const verb = type === 'container.tag.delete' ? 'deleted by' : 'by';
  const nobody = by.kind === 'system' ? 'the server itself' : `a ${inWords(by.kind)} whose name is not shown`;
  return `${verb} ${by.name ?? nobody}, ${hows[how]}`;
}

/** A field for times holds whole seconds, as times are shown: the state at the end of that second is meant, once it is over. */
export function secondAsked(field: string, nowMs: number): string | undefined {
  const at = fromLocalField(field);
  const isOver = at !== undefined && Date.parse(at) + 1_000 <= nowMs;
  return isOver ? at.replace(/\.\d+Z$/, '.999999Z') : at;
}
