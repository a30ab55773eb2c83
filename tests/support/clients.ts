/**
 * Real clients for tests: skopeo, podman, buildah, docker, git and the like, each run in a home of its own so that no
 * sign-in, cache or storage of one test (or of the developer) reaches another.
 */
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { skipWhenMissing } from './missing-tools.ts';
import { createTempFolder } from './temp-folder.ts';

export interface ClientResult {
  /** null when a signal ended it. */
  code: number | null;
  stdout: string;
  stderr: string;
  timedOut: boolean;
}

export interface ClientRunOptions {
  /** Written to standard input, which is then closed. */
  input?: string | Uint8Array;
  /** Default 60 s; then the client and its children are killed and `timedOut` is true. */
  timeoutMs?: number;
  env?: Record<string, string>;
  /** Default: the home. */
  cwd?: string;
}

export interface ClientHome extends AsyncDisposable {
  readonly path: string;
  join(...parts: string[]): string;
  /** Never throws for an exit code: tests assert refusals too. */
  run(client: string, args: readonly string[], options?: ClientRunOptions): Promise<ClientResult>;
  /** As `run`, and throws with the client's whole output unless it exits with 0. For set-up steps. */
  must(client: string, args: readonly string[], options?: ClientRunOptions): Promise<ClientResult>;
}

const chromiumNames = ['chromium', 'chromium-browser', 'google-chrome-stable'];

/** Absolute path of a program in PATH, or of one that is given by its absolute path. */
export function findClient(client: string): string | undefined {
  if (isAbsolute(client)) return isExecutable(client) ? client : undefined;
  const names = client === 'chromium' ? chromiumNames : [client];
  const folders = (process.env.PATH ?? '').split(':').filter((folder) => folder !== '');
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable);
}

/** For node:test: `test('…', { skip: clientSkip('skopeo', 'podman') }, …)`. Under CI the test runs and fails instead. */
export function clientSkip(...clients: string[]): string | false {
  return skipWhenMissing(clients.filter((client) => findClient(client) === undefined));
}

/**
 * Flags under which Chromium runs without a sandbox of its own and without calling home. Playwright:
 * `chromium.launch({ executablePath: findClient('chromium'), args: chromiumArgs })`.
 */
export const chromiumArgs: readonly string[] = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-dev-shm-usage',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** `await using home = await createClientHome();` */
export async function createClientHome(): Promise<ClientHome> {
  const folder = await createTempFolder('home');
  const env = await layOut(folder.path);
  const run = (
    client: string,
    args: readonly string[],
    options: ClientRunOptions = {},
  ): Promise<ClientResult> =>
    runClient(client, args, { cwd: folder.path, ...options, env: { ...env, ...options.env } });
  return {
    path: folder.path,
    join: folder.join,
    run,
    async must(client, args, options) {
      const result = await run(client, args, options);
      if (result.code !== 0) {
        const how = result.timedOut ? 'ran out of time' : `exited with ${result.code}`;
        throw new Error(`${client} ${args.join(' ')} ${how}\n${result.stdout}${result.stderr}`);
      }
      return result;
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** The folders and settings each client looks for, all inside the home; returns the whole environment of a run. */
async function layOut(home: string): Promise<Record<string, string>> {
  const inside = (name: string): string => join(home, name);
  const folders = [
    '.config',
    '.local/share',
    '.cache',
    'run',
    'tmp',
    'docker',
    'gnupg',
    'storage/root',
    'storage/run',
  ];
  for (const name of folders) await mkdir(inside(name), { recursive: true, mode: 0o700 });
  const storage = [
    '[storage]',
    'driver = "vfs"',
    `graphroot = "${inside('storage/root')}"`,
    `runroot = "${inside('storage/run')}"`,
    // buildah looks here when it takes itself for rootless (see below), podman above: one place for both.
    `rootless_storage_path = "${inside('storage/root')}"`,
    '',
  ].join('\n');
  await writeFile(inside('storage.conf'), storage);
  // buildah and podman refuse a path that does not exist yet.
  await writeFile(inside('auth.json'), '{}\n', { mode: 0o600 });
  const engine = [
    '[engine]',
    `tmp_dir = "${inside('run/libpod')}"`,
    'events_logger = "file"',
    'cgroup_manager = "cgroupfs"',
    '',
  ];
  await writeFile(inside('containers.conf'), engine.join('\n'));
  await writeFile(inside('policy.json'), '{"default":[{"type":"insecureAcceptAnything"}]}\n');
  await writeFile(
    inside('registries.conf'),
    'unqualified-search-registries = []\nshort-name-mode = "permissive"\n',
  );
  return {
    PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin',
    LANG: 'C.UTF-8',
    LC_ALL: 'C.UTF-8',
    TZ: 'UTC',
    HOME: home,
    TMPDIR: inside('tmp'),
    XDG_CONFIG_HOME: inside('.config'),
    XDG_DATA_HOME: inside('.local/share'),
    XDG_CACHE_HOME: inside('.cache'),
    XDG_RUNTIME_DIR: inside('run'),
    REGISTRY_AUTH_FILE: inside('auth.json'),
    DOCKER_CONFIG: inside('docker'),
    CONTAINERS_CONF: inside('containers.conf'),
    CONTAINERS_STORAGE_CONF: inside('storage.conf'),
    CONTAINERS_REGISTRIES_CONF: inside('registries.conf'),
    STORAGE_DRIVER: 'vfs',
    BUILDAH_ISOLATION: 'chroot',
    // As root, the containers libraries keep one cache of blob locations for the whole machine, and from it decide on
    // cross-repository mounts: what one test pushed would change the requests of the next. This makes it the home's.
    _CONTAINERS_ROOTLESS_UID: '1',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GNUPGHOME: inside('gnupg'),
    // A developer's or a machine's own package settings must not answer for the server under test.
    PIP_CONFIG_FILE: '/dev/null',
    PIP_DISABLE_PIP_VERSION_CHECK: '1',
    PYTHONDONTWRITEBYTECODE: '1',
  };
}

function runClient(
  client: string,
  args: readonly string[],
  options: ClientRunOptions & { env: Record<string, string>; cwd: string },
): Promise<ClientResult> {
  const program = findClient(client);
  if (program === undefined)
    throw new Error(`${client} is not installed; run scripts/install-test-clients.sh`);
  return new Promise((resolve, reject) => {
    // A process group of its own, so that a time-out also ends what the client started.
    const child = spawn(program, args, { cwd: options.cwd, env: options.env, detached: true });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    }, options.timeoutMs ?? 60_000);
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      const text = (chunks: Buffer[]): string => Buffer.concat(chunks).toString('utf8');
      resolve({ code, stdout: text(stdout), stderr: text(stderr), timedOut });
    });
    // A client that ends without reading its input must not fail the test by EPIPE.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input ?? '');
  });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
