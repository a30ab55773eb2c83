/**
 * Row e: what each switch of failure auditing costs. Refusals answered per second with the switch on, beside off, by the
 * same server: one client repeating itself (folded), and every request from a source of its own (a first event each).
 */
import { writeFile } from 'node:fs/promises';
import { type ClientHome, createClientHome } from '../tests/support/clients.ts';
import { compare } from './pairs.ts';
import { type RunningPeer, startTallyman } from './peers.ts';
import type { BenchRow } from './table.ts';

export type RefusalOptions = { seconds: number; pairs: number; warmUps?: number };

type Attack = {
  what: string;
  switchName: string;
  method: string;
  path: string;
  authorization: string;
  /** Each request from another address, so that each is a first. */
  spread: boolean;
};

const stranger = { name: 'stranger', password: 'a-stranger-with-a-password' };
const basic = (user: string, password: string) =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

export async function refusalRows({ seconds, ...times }: RefusalOptions): Promise<BenchRow[]> {
  await using home = await createClientHome();
  // The load generator stands in for a proxy, so that it can come from many addresses.
  await using server = await startTallyman('on', { TALLYMAN_HTTP_TRUSTED_PROXIES: '127.0.0.1' });
  await callApi(server, 'POST', '/api/v1/users', stranger);
  const rows: BenchRow[] = [];
  for (const attack of attacks()) {
    const rate = (mode: 'on' | 'off') => async () => {
      await callApi(server, 'PUT', `/api/v1/switches/${attack.switchName}`, { mode });
      return refusalRate(home, server, attack, seconds);
    };
    const comparison = await compare(rate('on'), rate('off'), times);
    rows.push({ row: 'e', what: `${attack.what}, switch on beside off`, unit: '/s', comparison });
  }
  return rows;
}

function attacks(): Attack[] {
  const denied = { authorization: basic(stranger.name, stranger.password), spread: false };
  const manifest = '/v2/bench/hidden/manifests/v1';
  const wrongToken = {
    authorization: 'Bearer tly_pat_unknown',
    switchName: 'failed_logins',
    method: 'GET',
    path: manifest,
  };
  const pull = { ...denied, switchName: 'failed_pulls', method: 'GET', path: manifest };
  return [
    { ...wrongToken, what: 'refused sign-ins, one client repeating', spread: false },
    { ...wrongToken, what: 'refused sign-ins, each from another source', spread: true },
    { ...pull, what: 'denied pulls, one client repeating' },
    { ...pull, what: 'denied pulls, each from another source', spread: true },
    {
      ...denied,
      what: 'denied pushes, one client repeating',
      switchName: 'failed_pushes',
      method: 'POST',
      path: '/v2/bench/hidden/blobs/uploads/',
    },
    {
      ...denied,
      what: 'refused deletions, one client repeating',
      switchName: 'failed_deletions',
      method: 'DELETE',
      path: manifest,
    },
  ];
}

async function callApi(server: RunningPeer, method: string, path: string, body: object): Promise<void> {
  const authorization = `Basic ${Buffer.from(server.credentials ?? '').toString('base64')}`;
  const headers = { authorization, 'content-type': 'application/json' };
  const answer = await fetch(server.url + path, { method, headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
}

/** Requests a second that were answered with 4xx; throws when one was not. */
async function refusalRate(
  home: ClientHome,
  server: RunningPeer,
  attack: Attack,
  seconds: number,
): Promise<number> {
  const script = home.join('attack.lua');
  const source = attack.spread
    ? `math.randomseed(os.time() + os.clock() * 1000000)
request = function()
  wrk.headers["X-Forwarded-For"] = string.format("10.%d.%d.%d", math.random(0, 255), math.random(0, 255), math.random(1, 254))
  return wrk.format("${attack.method}")
end\n`
    : '';
  await writeFile(
    script,
    `wrk.method = "${attack.method}"\nwrk.headers["Authorization"] = "${attack.authorization}"\n${source}`,
  );
  const { stdout } = await home.must('wrk', [
    '-t1',
    '-c32',
    `-d${seconds}s`,
    '-s',
    script,
    server.url + attack.path,
  ]);
  const total = Number(/(\d+) requests in/.exec(stdout)?.[1]);
  const refused = Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1]);
  if (!(total > 0) || total !== refused) throw new Error(`not every request was refused: ${stdout}`);
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]);
}
