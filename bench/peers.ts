/** The registries compared: Debian's docker-registry without authentication, and Tallyman as it ships (or with its trail off). */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { findFreePort } from '../tests/support/free-port.ts';
import { createTempFolder } from '../tests/support/temp-folder.ts';
import { waitFor } from '../tests/support/wait-for.ts';
import type { Peer } from './images.ts';

export type RunningPeer = Peer &
  AsyncDisposable & {
    url: string;
    pid: number;
    /** User and system seconds the process has used. */
    cpuSeconds(): Promise<number>;
  };

const admin = { user: 'bench', password: 'bench-password-of-some-length' };

/** Fresh data; `trail: 'off'` starts the bench's own composition root, whose trail records nothing. */
export async function startTallyman(
  trail: 'on' | 'off',
  env: Record<string, string> = {},
): Promise<RunningPeer> {
  const folder = await createTempFolder('bench-tallyman');
  const port = await findFreePort();
  const program = trail === 'on' ? '../server/src/cli/main.ts' : 'serve-without-trail.ts';
  const args = [resolve(import.meta.dirname, program), ...(trail === 'on' ? ['serve'] : [])];
  return start(
    folder,
    { command: process.execPath, args, port, credentials: `${admin.user}:${admin.password}` },
    {
      TALLYMAN_DATA_DIR: folder.join('data'),
      TALLYMAN_HTTP_PORT: String(port),
      TALLYMAN_PUBLIC_URL: `http://127.0.0.1:${port}`,
      TALLYMAN_ADMIN_USER: admin.user,
      TALLYMAN_ADMIN_PASSWORD: admin.password,
      ...env,
    },
  );
}

/** Debian's packaged registry, its own defaults, no authentication. */
export async function startDockerRegistry(): Promise<RunningPeer> {
  const folder = await createTempFolder('bench-docker-registry');
  const port = await findFreePort();
  await mkdir(folder.join('data'));
  const configuration = `version: 0.1
log: { level: error, accesslog: { disabled: true } }
storage: { cache: { blobdescriptor: inmemory }, filesystem: { rootdirectory: ${folder.join('data')} }, delete: { enabled: true } }
http: { addr: "127.0.0.1:${port}" }
`;
  await writeFile(folder.join('config.yml'), configuration);
  return start(folder, { command: 'docker-registry', args: ['serve', folder.join('config.yml')], port }, {});
}

type Program = { command: string; args: readonly string[]; port: number; credentials?: string };

async function start(
  folder: Awaited<ReturnType<typeof createTempFolder>>,
  { command, args, port, credentials }: Program,
  env: Record<string, string>,
): Promise<RunningPeer> {
  const child = spawn(command, args, {
    cwd: folder.path,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => {
    errors = (errors + chunk).slice(-4_000);
  });
  const ended = once(child, 'exit');
  const url = `http://127.0.0.1:${port}`;
  await waitFor(
    `${command} to answer`,
    async () => {
      if (child.exitCode !== null) throw new Error(`${command} ended at once: ${errors}`);
      return fetch(`${url}/v2/`).then(
        (answer) => answer.status < 500,
        () => false,
      );
    },
    { timeoutMs: 30_000 },
  );
  const pid = child.pid as number;
  return {
    host: `127.0.0.1:${port}`,
    url,
    pid,
    credentials,
    cpuSeconds: () => cpuSecondsOf(pid),
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await ended;
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** /proc/<pid>/stat fields 14 and 15, in ticks of 1/100 s. */
async function cpuSecondsOf(pid: number): Promise<number> {
  const stat = await readFile(join('/proc', String(pid), 'stat'), 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** A registry token for pulling from `repository`, as `Authorization` wants it. */
export async function pullToken(peer: RunningPeer, repository: string): Promise<string> {
  const basic = Buffer.from(peer.credentials ?? '').toString('base64');
  const answer = await fetch(`${peer.url}/v2/auth?service=tallyman&scope=repository:${repository}:pull`, {
    headers: { authorization: `Basic ${basic}` },
  });
  if (!answer.ok) throw new Error(`no registry token: ${answer.status} ${await answer.text()}`);
  const { token } = (await answer.json()) as { token: string };
  return `Bearer ${token}`;
}
