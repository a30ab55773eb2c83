/**
 * The real program as a child process, on a free port, with a temporary data folder and a fresh database: what
 * scenarios and faults talk to. `await using server = await startTestServer({ engine: 'sqlite' });`
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { findFreePort } from './free-port.ts';
import { createTestDatabase, postgresSkip } from './postgres.ts';
import { createTempFolder } from './temp-folder.ts';
import { waitFor } from './wait-for.ts';

export type Engine = 'sqlite' | 'postgres';

export interface TestServerOptions {
  engine?: Engine;
  /** Further variables, such as `{ TALLYMAN_LIMITS_CONNECTIONS: '20' }`; they win over what is set here. */
  env?: Readonly<Record<string, string>>;
  /** false: the first start finds nobody to make administrator and prints a one-time code. */
  admin?: boolean;
  /** Another composition root than `tallyman serve`; it must say when it is ready in the same words. */
  program?: string;
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface TestServer extends AsyncDisposable {
  /** Without a slash at its end. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
  readonly engine: Engine;
  /** As the program was given it; undefined with SQLite. */
  readonly databaseUrl: string | undefined;
  readonly adminAuth: {
    readonly username: string;
    readonly password: string /** For the header Authorization. */;
    readonly basic: string;
  };
  /** The environment the program runs in, for commands beside it. */
  readonly env: Readonly<Record<string, string>>;
  readonly pid: number;
  /** SIGTERM, and waits until it has ended. */
  stop(): Promise<Exit>;
  /** Sends a signal and waits until the program has ended. */
  kill(signal: NodeJS.Signals): Promise<Exit>;
  /** Waits until it has ended by itself. */
  ended(): Promise<Exit>;
  /** Sends a signal the program survives. */
  signal(signal: NodeJS.Signals): void;
  /** Stops it if it runs, and starts it again on the same port and data. */
  restart(): Promise<void>;
  /** Everything it printed since the first start. */
  logs(): string;
  /** What it printed as JSON lines. */
  logLines(): Record<string, unknown>[];
}

/** For whoever runs a command of `tallyman` that does not end by itself. */
export const tallymanEntry: string = resolve(import.meta.dirname, '../../server/src/cli/main.ts');
const entry = tallymanEntry;
const admin = { username: 'operator', password: 'correct-horse-battery-staple' };

/** For node:test: the engines of this machine, each with its reason to skip. */
export function testEngines(): { engine: Engine; skip: string | false }[] {
  return [
    { engine: 'sqlite', skip: false },
    { engine: 'postgres', skip: postgresSkip() },
  ];
}

export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const engine = options.engine ?? 'sqlite';
  await using owned = new AsyncDisposableStack();
  const folder = owned.use(await createTempFolder('server'));
  const database = engine === 'postgres' ? owned.use(await createTestDatabase()) : undefined;
  const port = await findFreePort();
  const env = {
    ...environment({
      dataDir: folder.join('data'),
      port,
      databaseUrl: database?.url,
      withAdmin: options.admin !== false,
    }),
    ...options.env,
  };
  const words = options.program === undefined ? [entry, 'serve'] : [options.program];
  const program = owned.use(new Program({ env, cwd: folder.path, words }));
  const scheme = env.TALLYMAN_TLS_CERT === undefined ? 'http' : 'https';
  const url = `${scheme}://127.0.0.1:${port}`;
  await program.start();
  const held = owned.move();
  return {
    url,
    host: '127.0.0.1',
    port,
    engine,
    env,
    dataDir: env.TALLYMAN_DATA_DIR ?? '',
    databaseUrl: database?.url,
    adminAuth: {
      ...admin,
      basic: `Basic ${Buffer.from(`${admin.username}:${admin.password}`).toString('base64')}`,
    },
    get pid() {
      return program.pid;
    },
    stop: () => program.kill('SIGTERM'),
    kill: (signal) => program.kill(signal),
    ended: () => program.exited,
    signal: (signal) => program.signal(signal),
    restart: async () => {
      await program.kill('SIGTERM');
      await program.start();
    },
    logs: () => program.printed,
    logLines: () =>
      program.printed
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

type Surroundings = { dataDir: string; port: number; databaseUrl: string | undefined; withAdmin: boolean };

/** Nothing of the tester's own environment but what a program needs to run. */
function environment({ dataDir, port, databaseUrl, withAdmin }: Surroundings): Record<string, string> {
  return {
    PATH: process.env.PATH ?? '',
    HOME: process.env.HOME ?? '',
    TALLYMAN_DATA_DIR: dataDir,
    TALLYMAN_HTTP_HOST: '127.0.0.1',
    TALLYMAN_HTTP_PORT: String(port),
    ...(databaseUrl !== undefined && { TALLYMAN_DATABASE_URL: databaseUrl }),
    ...(withAdmin && { TALLYMAN_ADMIN_USER: admin.username, TALLYMAN_ADMIN_PASSWORD: admin.password }),
  };
}

class Program implements AsyncDisposable {
  readonly #env: Record<string, string>;
  readonly #cwd: string;
  readonly #words: readonly string[];
  #child: ChildProcess | undefined;
  #exited: Promise<Exit> = Promise.resolve({ code: null, signal: null });
  readonly #killAtExit = (): void => void this.#child?.kill('SIGKILL');
  printed = '';

  constructor(parts: { env: Record<string, string>; cwd: string; words: readonly string[] }) {
    this.#env = parts.env;
    this.#words = parts.words;
    this.#cwd = parts.cwd;
    process.once('exit', this.#killAtExit);
  }

  get exited(): Promise<Exit> {
    return this.#exited;
  }

  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error('the server does not run');
    return this.#child.pid;
  }

  /** Resolves when it says that it is ready, which it does once it listens. */
  async start(): Promise<void> {
    const from = this.printed.length;
    const child = spawn(process.execPath, this.#words, {
      env: this.#env,
      cwd: this.#cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.printed += text;
      });
    }
    this.#exited = once(child, 'close').then(([code, signal]) => {
      this.#child = undefined;
      return { code, signal } as Exit;
    });
    await waitFor(
      'the server to be ready',
      () => this.#child === undefined || this.printed.slice(from).includes('Tallyman is ready at'),
      { timeoutMs: 30_000 },
    ).catch((cause: unknown) => {
      throw new Error(`the server does not become ready:\n${this.printed.slice(from)}`, { cause });
    });
    if (this.#child === undefined) throw new Error(`the server ended at once:\n${this.printed.slice(from)}`);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  async kill(signal: NodeJS.Signals): Promise<Exit> {
    this.signal(signal);
    return this.#exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.removeListener('exit', this.#killAtExit);
    await this.kill('SIGKILL');
  }
}

export interface CommandResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs one command of `tallyman` to its end, with nothing of the tester's own environment. */
export async function runTallyman(
  args: readonly string[],
  options: { env?: Readonly<Record<string, string>>; input?: string; cwd?: string } = {},
): Promise<CommandResult> {
  const child = spawn(process.execPath, [entry, ...args], {
    env: { PATH: process.env.PATH ?? '', ...options.env },
    cwd: options.cwd,
    timeout: 60_000,
  });
  const result: CommandResult = { code: null, stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    result.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    result.stderr += text;
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  [result.code] = await once(child, 'close');
  return result;
}
