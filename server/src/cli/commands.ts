/** Every command, in the order of the overview. */
import type { Command } from './command.ts';
import { migrate } from './migrate.ts';
import { serve } from './serve.ts';

export const commands: readonly Command[] = [serve, migrate];
