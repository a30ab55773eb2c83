/** The server with a hook at every durable step: the composition root of tests/faults, and of nothing else. */
import { join } from 'node:path';
import { readConfig } from '../../server/src/config/read.ts';
import { createLog } from '../../server/src/http/log.ts';
import { createApp } from '../../server/src/main.ts';

const config = readConfig({ file: undefined });
const app = await createApp(config, {
  log: createLog({ level: config.log.level }),
  hook: { module: join(import.meta.dirname, 'kill-at-step.ts') },
});
process.once('SIGTERM', () => {
  void app.stop('SIGTERM').then(() => process.exit(0));
});
await app.start();
process.stdout.write(`Tallyman is ready at ${app.publicUrl}\n`);
