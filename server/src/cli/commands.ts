/** Every command, in the order of the overview. */
import { createUserCommand } from './admin/create-user.ts';
import { disableUserCommand } from './admin/disable-user.ts';
import { enableUserCommand } from './admin/enable-user.ts';
import { endLockoutCommand } from './admin/end-lockout.ts';
import { eraseCommand } from './admin/erase.ts';
import { freeNameCommand } from './admin/free-name.ts';
import { holdCommand } from './admin/hold.ts';
import { logKeyCommand } from './admin/log-key.ts';
import { resetPassword } from './admin/reset-password.ts';
import { retentionCommand } from './admin/retention.ts';
import { systemRoleCommands } from './admin/system-roles.ts';
import { backup } from './backup.ts';
import type { Command } from './command.ts';
import { events } from './events.ts';
import { exportEvents } from './export.ts';
import { fsck } from './fsck.ts';
import { migrate } from './migrate.ts';
import { serve } from './serve.ts';
import { tagHistory, tagRestore } from './tag-history.ts';
import { tail } from './tail.ts';
import { verify } from './verify.ts';
import { why } from './why.ts';

export const commands: readonly Command[] = [
  serve,
  migrate,
  events,
  tail,
  exportEvents,
  why,
  tagHistory,
  tagRestore,
  verify,
  fsck,
  backup,
  createUserCommand,
  resetPassword,
  disableUserCommand,
  enableUserCommand,
  ...systemRoleCommands,
  endLockoutCommand,
  freeNameCommand,
  retentionCommand,
  holdCommand,
  eraseCommand,
  logKeyCommand,
];
