/** The bench's own composition root: the whole server with a trail that records nothing, to measure what recording costs. */
import { readConfig } from '../server/src/config/read.ts';
import { createLog } from '../server/src/http/log.ts';
import { createApp } from '../server/src/main.ts';
import { systemClock } from '../server/src/stdx/clock.ts';
import { uuidv7 } from '../server/src/stdx/random.ts';
import { Trail } from '../server/src/trail/trail.ts';

const clock = systemClock();

class SilentTrail extends Trail {
  override record(): string {
    return uuidv7(clock.nowUs());
  }

  override async read(): Promise<string> {
    return uuidv7(clock.nowUs());
  }

  override async attempt(): Promise<void> {}
}

const config = readConfig({ file: undefined });
const app = await createApp(config, {
  log: createLog({ level: config.log.level }),
  makeTrail: (parts) => new SilentTrail(parts),
});
process.once('SIGTERM', () => {
  void app.stop('SIGTERM').then(() => process.exit(0));
});
await app.start();
