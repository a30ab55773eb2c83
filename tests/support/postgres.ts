/**
 * A throwaway PostgreSQL for tests, from the machine's own binaries. `npm test` starts one cluster for all test files
 * and hands it down in TALLYMAN_TEST_POSTGRES_URL; a test file run by itself starts its own on first use and takes it
 * down at exit. Every call of createTestDatabase gets a fresh, empty database.
 */
import { execFile, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { chown, mkdtemp, realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findFreePort } from './free-port.ts';
import { skipWhenMissing } from './missing-tools.ts';
import { waitFor } from './wait-for.ts';

const run = promisify(execFile);
const superuser = 'tallyman_test';

/** The test runner ends a file that hangs with SIGTERM; without a listener the exit hook would not run. */
const endings = [
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const;
let endingsHeard = false;

export interface TestDatabase extends AsyncDisposable {
  /** `postgres://…` as TALLYMAN_DATABASE_URL takes it. */
  readonly url: string;
  readonly name: string;
}

export interface TestPostgres extends AsyncDisposable {
  /** URL of the maintenance database `postgres`. */
  readonly adminUrl: string;
  createDatabase(): Promise<TestDatabase>;
  /** SIGQUIT: PostgreSQL goes down without a checkpoint, as after a crash. Connections break. */
  crash(): Promise<void>;
  /** Starts the same cluster on the same port again; replays its log after a crash. */
  restart(): Promise<void>;
  /** Leaves nothing behind. */
  [Symbol.asyncDispose](): Promise<void>;
}

export interface PostgresOptions {
  /** true: fsync and full page writes as in production. Default false: plain tests need no disk flush. */
  durable?: boolean;
  /** Further settings, as `postgres -c name=value`. */
  settings?: Record<string, string>;
}

/** For node:test: `test('…', { skip: postgresSkip() }, …)`. Under CI the test runs and fails instead. */
export function postgresSkip(): string | false {
  return skipWhenMissing(sharedUrl() !== undefined || findBinaries() !== undefined ? [] : ['PostgreSQL']);
}

/** `await using database = await createTestDatabase();` On the shared cluster; a durable one per process is separate. */
export async function createTestDatabase(options: { durable?: boolean } = {}): Promise<TestDatabase> {
  const url = sharedUrl();
  if (url !== undefined && options.durable !== true) return createDatabaseAt(url);
  const kind = options.durable === true ? 'durable' : 'plain';
  const started = ownClusters.get(kind) ?? startPostgres({ durable: options.durable === true });
  ownClusters.set(kind, started);
  return (await started).createDatabase();
}

const ownClusters = new Map<'durable' | 'plain', Promise<TestPostgres>>();

function sharedUrl(): string | undefined {
  const url = process.env.TALLYMAN_TEST_POSTGRES_URL;
  return url === undefined || url === '' ? undefined : url;
}

/** A cluster of one's own, for tests that stop, crash or tune it. */
export async function startPostgres(options: PostgresOptions = {}): Promise<TestPostgres> {
  const binaries = findBinaries();
  if (binaries === undefined) {
    throw new Error(
      'no PostgreSQL found under /usr/lib/postgresql or in PATH; run scripts/install-test-clients.sh',
    );
  }
  const cluster = await Cluster.create(binaries, options);
  try {
    await cluster.restart();
  } catch (error) {
    await cluster[Symbol.asyncDispose]();
    throw error;
  }
  return cluster;
}

function findBinaries(): string | undefined {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root) ? readdirSync(root).filter((name) => /^\d+$/.test(name)) : [];
  const newestFirst = versions
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => join(root, version, 'bin'));
  const folders = [...newestFirst, ...(process.env.PATH ?? '').split(':')];
  return folders.find((folder) =>
    ['initdb', 'postgres', 'psql'].every((name) => existsSync(join(folder, name))),
  );
}

class Cluster implements TestPostgres {
  readonly #binaries: string;
  readonly #folder: string;
  readonly #port: number;
  readonly #settings: Record<string, string>;
  #server: { pid: number; exited: Promise<void> } | undefined;
  readonly #removeAtExit = (): void => this.#removeNow();

  private constructor(from: {
    binaries: string;
    folder: string;
    port: number;
    settings: Record<string, string>;
  }) {
    this.#binaries = from.binaries;
    this.#folder = from.folder;
    this.#port = from.port;
    this.#settings = from.settings;
  }

  static async create(binaries: string, options: PostgresOptions): Promise<Cluster> {
    const folder = await realpath(await mkdtemp(join(tmpdir(), 'tallyman-pg-')));
    const owner = unprivilegedOwner();
    if (owner !== undefined) await chown(folder, owner.uid, owner.gid);
    const flush = options.durable === true ? 'on' : 'off';
    const settings = {
      fsync: flush,
      full_page_writes: flush,
      max_connections: '200',
      shared_buffers: '64MB',
      jit: 'off',
      listen_addresses: '127.0.0.1',
      unix_socket_directories: folder,
      timezone: 'UTC',
      ...options.settings,
    };
    const cluster = new Cluster({ binaries, folder, port: await findFreePort(), settings });
    process.once('exit', cluster.#removeAtExit);
    if (!endingsHeard) {
      endingsHeard = true;
      for (const [signal, code] of endings) process.once(signal, () => process.exit(code));
    }
    const [command, ...args] = asOwner([
      join(binaries, 'initdb'),
      ...['--pgdata', join(folder, 'data'), '--username', superuser, '--auth', 'trust'],
      ...['--encoding', 'UTF8', '--locale', 'C.UTF-8', '--no-sync', '--no-instructions'],
    ]);
    await run(command, args, { cwd: folder });
    return cluster;
  }

  get adminUrl(): string {
    return `postgres://${superuser}@127.0.0.1:${this.#port}/postgres`;
  }

  createDatabase(): Promise<TestDatabase> {
    return createDatabaseAt(this.adminUrl);
  }

  async restart(): Promise<void> {
    if (this.#server !== undefined) await this.#stop('SIGINT');
    const log = openSync(join(this.#folder, 'server.log'), 'a');
    const [command, ...args] = asOwner([
      join(this.#binaries, 'postgres'),
      ...['-D', join(this.#folder, 'data'), '-p', String(this.#port)],
      ...Object.entries(this.#settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ]);
    const child = spawn(command, args, { cwd: this.#folder, stdio: ['ignore', log, log] });
    // The server must not keep a finished test process alive; the exit hook takes it down.
    child.unref();
    let gone = false;
    const exited = new Promise<void>((resolve) => {
      child.once('exit', () => {
        gone = true;
        resolve();
      });
    });
    if (child.pid === undefined) throw new Error('PostgreSQL could not be started');
    this.#server = { pid: child.pid, exited };
    await waitFor('PostgreSQL to answer', () => gone || answers(this.#binaries, this.adminUrl), {
      timeoutMs: 30_000,
    });
    if (gone)
      throw new Error(`PostgreSQL ended at once:\n${readFileSync(join(this.#folder, 'server.log'), 'utf8')}`);
  }

  async crash(): Promise<void> {
    await this.#stop('SIGQUIT');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.removeListener('exit', this.#removeAtExit);
    await this.#stop('SIGQUIT');
    this.#removeNow();
  }

  async #stop(signal: 'SIGINT' | 'SIGQUIT'): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    // The unref of the child must not let the process end while somebody awaits its exit.
    const hold = setInterval(() => undefined, 1_000);
    try {
      tryKill(server.pid, signal);
      await server.exited;
    } finally {
      clearInterval(hold);
    }
  }

  #removeNow(): void {
    if (this.#server !== undefined) {
      // At exit nothing asynchronous runs any more; pg_ctl waits until the server has let go of the folder.
      const pgCtl = join(this.#binaries, 'pg_ctl');
      const [command, ...args] = asOwner([
        pgCtl,
        'stop',
        '-m',
        'immediate',
        '-D',
        join(this.#folder, 'data'),
      ]);
      spawnSync(command, args, { cwd: this.#folder, stdio: 'ignore', timeout: 10_000 });
    }
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
  }
}

function tryKill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Already gone: what we wanted.
  }
}

/** PostgreSQL refuses to run as root, so root hands it to an account without rights. */
function unprivilegedOwner(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
  const line = ['postgres', 'nobody']
    .map((name) => lines.find((entry) => entry.startsWith(`${name}:`)))
    .find(Boolean);
  const [, , uid, gid] = (line ?? '').split(':');
  if (uid === undefined || gid === undefined)
    throw new Error('neither a user postgres nor nobody to run PostgreSQL as');
  return { uid: Number(uid), gid: Number(gid) };
}

/** pdeathsig: should the test process be killed outright, the server goes with it. */
function asOwner(command: readonly string[]): [string, ...string[]] {
  const owner = unprivilegedOwner();
  if (!existsSync('/usr/bin/setpriv')) {
    if (owner !== undefined) throw new Error('setpriv (util-linux) is needed to run PostgreSQL as root');
    const [first, ...rest] = command;
    return [first ?? '', ...rest];
  }
  const drop = owner === undefined ? [] : [`--reuid=${owner.uid}`, `--regid=${owner.gid}`, '--clear-groups'];
  return ['/usr/bin/setpriv', '--pdeathsig', 'INT', ...drop, ...command];
}

async function answers(binaries: string, url: string): Promise<boolean> {
  return run(join(binaries, 'psql'), [url, '-c', 'SELECT 1']).then(
    () => true,
    () => false,
  );
}

async function createDatabaseAt(adminUrl: string): Promise<TestDatabase> {
  const binaries = findBinaries();
  const psql = binaries === undefined ? 'psql' : join(binaries, 'psql');
  const name = `test_${randomBytes(8).toString('hex')}`;
  await run(psql, [adminUrl, '--quiet', '-v', 'ON_ERROR_STOP=1', '-c', `CREATE DATABASE ${name}`]);
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  return {
    url: url.toString(),
    name,
    async [Symbol.asyncDispose]() {
      await tryDrop(psql, adminUrl, name);
    },
  };
}

/** Best effort: the cluster may have been crashed on purpose, and it is thrown away at the end anyway. */
async function tryDrop(psql: string, adminUrl: string, name: string): Promise<void> {
  await run(psql, [adminUrl, '--quiet', '-c', `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`]).catch(
    () => undefined,
  );
}
