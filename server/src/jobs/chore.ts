/** What the server does by itself, again and again, in one step: expire tags, collect garbage. Safe to break off. */
import type { JobKind, Progress } from './kind.ts';

/** `run` may tell in numbers what it did. */
export type Chore = { name: string; everyMs: number; run(): Promise<unknown> };

export function choreKind({ name, everyMs, run }: Chore): JobKind {
  return {
    kind: name.replaceAll(' ', '_'),
    summary: `The server’s own: ${name}`,
    everyMs,
    step: async () => ({ progress: numbersIn(await run()), next: 'done' }),
  };
}

function numbersIn(told: unknown): Progress {
  if (typeof told === 'number') return { done: told };
  if (typeof told !== 'object' || told === null) return {};
  return Object.fromEntries(Object.entries(told).filter(([, value]) => typeof value === 'number'));
}
