/** Passwords for commands: from standard input, so that they stand in no list of processes, or made here. */
import { secretBytes } from '../../stdx/random.ts';
import type { FlagDeclaration, Input, Terminal } from '../command.ts';
import { UsageError } from '../exit.ts';

export const passwordFlags = {
  'password-stdin': { description: 'Read the password from standard input: its first line.' },
} as const satisfies Record<string, FlagDeclaration>;

export type GivenPassword = { password: string; generated: boolean };

/** 120 random bits when none is given. */
export async function readPassword(input: Input, terminal: Terminal): Promise<GivenPassword> {
  if (!input.on('password-stdin'))
    return { password: secretBytes(15).toString('base64url'), generated: true };
  const [password = ''] = (await terminal.readInput()).split(/\r?\n/);
  if (password === '') throw new UsageError('--password-stdin: there was no password on standard input.');
  return { password, generated: false };
}

/** To standard output and alone, for scripts. */
export function tellGenerated({ password, generated }: GivenPassword, terminal: Terminal): void {
  if (generated) terminal.out(password);
}
