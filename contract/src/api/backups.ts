/** Backups: the command makes them; the server only records that one was made. */
import { z } from 'zod';
import type { ApiRoute } from './route.ts';
import { idSchema } from './shapes.ts';

export const backupRoutes = {
  'backups.create': {
    method: 'POST',
    path: '/api/v1/backups',
    summary: 'Record that a backup is being made; `tallyman backup` asks for it before the first byte',
    body: z.strictObject({ withLogKey: z.boolean() }),
    status: 201,
    response: z.strictObject({ eventId: idSchema }),
    permission: 'administrator',
    scope: 'admin',
    records: ['system.backup.make'],
    refusal: 'api.action.refuse',
    errors: ['forbidden'],
  },
} as const satisfies Record<string, ApiRoute>;
