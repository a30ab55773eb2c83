/** `tallyman serve`: the server, in the foreground, until a signal ends it. */
import { readConfig } from '../config/read.ts';
import { AppError } from '../domain/error.ts';
import { createLog, type Logger } from '../http/log.ts';
import type { App } from '../main.ts';
import type { Command } from './command.ts';
import { configFlag } from './flags.ts';

export const serve: Command = {
  name: 'serve',
  summary: 'Run the server',
  description: [
    'Runs the server in the foreground until SIGINT or SIGTERM. Brings the database to the newest schema first. Without any configuration it keeps its data in ./data and listens on http://127.0.0.1:8080.',
    'The first signal stops it in order: nothing new is accepted, requests under way may finish until limits.stop_seconds, what was acknowledged is on the disk. A second signal ends it at once. SIGHUP reads the TLS certificate again.',
  ],
  positionals: [],
  flags: { ...configFlag },
  examples: [
    { line: 'tallyman serve', says: 'on this machine only, data under ./data' },
    {
      line: 'TALLYMAN_HTTP_PORT=9000 tallyman serve --config /etc/tallyman/tallyman.yaml',
      says: 'a variable wins over the file',
    },
  ],
  run: async (input, terminal) => {
    const config = readConfig({ file: input.text('config') });
    const log = createLog({ level: config.log.level });
    // Loaded here, so that the other commands start without the whole server.
    const { createApp } = await import('../main.ts');
    const app = await createApp(config, { log });
    return runUntilStopped(app, log, (text) => terminal.err(text));
  },
};

async function runUntilStopped(app: App, log: Logger, say: (text: string) => void): Promise<number> {
  const { promise: ended, resolve: end } = Promise.withResolvers<{ signal?: string; exitCode: number }>();
  for (const [signal, forced] of [
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const) {
    let seen = false;
    process.on(signal, () => {
      if (seen) process.exit(forced);
      seen = true;
      end({ signal, exitCode: 0 });
    });
  }
  process.on('SIGHUP', () => reload(app, log));
  // Whatever nobody handles leaves the program in a state nobody thought of: it ends, and a start recovers.
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      log.fatal({ error }, event === 'uncaughtException' ? 'uncaught error' : 'unhandled rejection');
      end({ exitCode: 70 });
    });
  }
  void app.failed.then((error) => {
    log.fatal({ error }, 'the durable state is unknown; stopping');
    end({ exitCode: 70 });
  });
  try {
    await app.start();
    log.info({ url: app.publicUrl }, 'ready');
    tellFirstStart(app, say);
    say(`Tallyman is ready at ${app.publicUrl}`);
  } catch (error) {
    await app.stop();
    throw readable(error);
  }
  const { signal, exitCode } = await ended;
  log.info({ signal }, 'stopping');
  try {
    await app.stop(signal);
    log.info('stopped');
  } catch (error) {
    log.fatal({ error }, 'could not stop in order');
    return 70;
  }
  return exitCode;
}

/** To the terminal only: the log may go to places where more people read. */
function tellFirstStart({ firstStart, publicUrl }: App, say: (text: string) => void): void {
  if (firstStart.kind === 'admin_created') {
    say('The first administrator was created as configured. Remove the password from the configuration now.');
  } else if (firstStart.kind === 'code') {
    say(
      `Nobody has an account yet. Open ${publicUrl} and create the first administrator with this one-time code:`,
    );
    say(`\n    ${firstStart.text}\n`);
  }
}

function reload(app: App, log: Logger): void {
  try {
    app.reload();
    log.info('certificate read again');
  } catch (error) {
    log.error({ error }, 'the certificate could not be read; the former one stays');
  }
}

function readable(error: unknown): unknown {
  const { code } = error as { code?: string };
  if (code === 'EADDRINUSE') {
    return new AppError(
      'conflict',
      'Another program listens on this address already. Stop it, or set http.port.',
      { cause: error },
    );
  }
  if (code === 'EACCES' || code === 'EADDRNOTAVAIL') {
    return new AppError(
      'conflict',
      'This address cannot be listened on: it is not of this machine, or its port needs more rights. Set http.host and http.port.',
      { cause: error },
    );
  }
  return error;
}
