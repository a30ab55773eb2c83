/**
 * Row g: what immutability costs. Pushes into a namespace with no policy beside one with 10, with 200, and under one that
 * matches; pushes while a policy's run goes on; the run by itself is in locking.ts.
 */
import { digestOf } from '../server/src/domain/digest.ts';
import { holdRow, idleRow } from './locking.ts';
import { compare, median, type PairOptions } from './pairs.ts';
import { type RunningPeer, startTallyman } from './peers.ts';
import type { BenchRow } from './table.ts';

export type ImmutabilityOptions = PairOptions & {
  /** Tags pushed by one side of a pair. */
  pushes: number;
  /** Tags that a run locks. */
  runTags: number;
  /** Units of a run that are timed while others write. */
  heldUnits: number;
  /** Tags of the project that is locked while pushes go on. */
  loadTags: number;
};

const connections = 8;

export async function immutabilityRows(options: ImmutabilityOptions): Promise<BenchRow[]> {
  return [
    ...(await pushRows(options)),
    await idleRow(options),
    await holdRow(options),
    await loadRow(options),
  ];
}

/** Of a small manifest whose blobs are there: the part of a push that policies can slow down. */
export async function pushRows({ pushes, ...times }: ImmutabilityOptions): Promise<BenchRow[]> {
  await using server = await startTallyman('on');
  const places = [
    { what: 'no policy, beside no policy', name: 'none', patterns: [] },
    { what: '10 policies', name: 'ten', patterns: unmatched(10) },
    { what: '200 policies', name: 'many', patterns: unmatched(200) },
    { what: 'a matching policy', name: 'matching', patterns: ['^t-.*$'] },
  ];
  for (const name of ['plain', ...places.map((place) => place.name)]) await makePlace(server, name);
  for (const { name, patterns } of places)
    for (const pattern of patterns)
      await call(server, 'POST', `/api/v1/namespaces/${name}/immutability-policies`, { pattern });
  const rows: BenchRow[] = [];
  for (const { what, name } of places) {
    const used: { ours: number[]; theirs: number[] } = { ours: [], theirs: [] };
    const side = (place: string, cpuMs: number[]) => () =>
      timedPushes(server, `${place}/app`, { pushes, cpuMs });
    const comparison = await compare(side(name, used.ours), side('plain', used.theirs), times);
    rows.push({
      row: 'g',
      what: `push of a tag, ${connections} connections: ${what}`,
      unit: '/s',
      comparison,
      bar: { ratio: 0.98, by: 'upper' },
      note: toldCpu(used),
    });
  }
  return rows;
}

/** Pushes a second; adds what the server's process used for one. */
async function timedPushes(
  server: RunningPeer,
  path: string,
  { pushes, cpuMs }: { pushes: number; cpuMs: number[] },
): Promise<number> {
  const before = await server.cpuSeconds();
  const rate = await pushRate(server, path, pushes);
  cpuMs.push((((await server.cpuSeconds()) - before) * 1_000) / pushes);
  return rate;
}

function toldCpu({ ours, theirs }: { ours: readonly number[]; theirs: readonly number[] }): string {
  return `CPU ms of the server for one ${median(ours).toFixed(2)} beside ${median(theirs).toFixed(2)}`;
}

function unmatched(count: number): string[] {
  return Array.from({ length: count }, (_, at) => `^release-${at}-v[0-9]+\\.[0-9]+.*$`);
}

const config = '{}';
const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const manifest = JSON.stringify({
  schemaVersion: 2,
  mediaType: manifestType,
  config: {
    mediaType: 'application/vnd.oci.image.config.v1+json',
    digest: digestOf('sha256', config),
    size: config.length,
  },
  layers: [],
});

async function makePlace(server: RunningPeer, name: string): Promise<void> {
  await call(server, 'POST', '/api/v1/organisations', { name });
  const begun = await send(server, 'POST', `/v2/${name}/app/blobs/uploads/`);
  const to = `${begun.headers.get('location')}?digest=${digestOf('sha256', config)}`;
  await send(server, 'PUT', to, { body: config });
}

let tagsMade = 0;

/** New tags a second. */
async function pushRate(server: RunningPeer, path: string, pushes: number): Promise<number> {
  let left = pushes;
  const one = async (): Promise<void> => {
    while (left-- > 0) await putTag(server, path, `t-${tagsMade++}`);
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: connections }, one));
  return (pushes * 1_000) / (performance.now() - began);
}

function putTag(server: RunningPeer, path: string, tag: string): Promise<Response> {
  const headers = { 'content-type': manifestType };
  return send(server, 'PUT', `/v2/${path}/manifests/${tag}`, { body: manifest, headers });
}

async function call(server: RunningPeer, method: string, path: string, body: object): Promise<unknown> {
  const headers = { 'content-type': 'application/json' };
  return (await send(server, method, path, { body: JSON.stringify(body), headers })).json();
}

async function send(
  server: RunningPeer,
  method: string,
  path: string,
  { body, headers }: { body?: string; headers?: Record<string, string> } = {},
): Promise<Response> {
  const authorization = `Basic ${Buffer.from(server.credentials ?? '').toString('base64')}`;
  const answer = await fetch(server.url + path, {
    method,
    headers: { authorization, ...headers },
    ...(body !== undefined && { body }),
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  if (method === 'PUT') await answer.arrayBuffer();
  return answer;
}

/** Pushes to one project while a policy is carried to the tags of another, beside pushes alone. */
export async function loadRow({ pushes, loadTags, ...times }: ImmutabilityOptions): Promise<BenchRow> {
  await using server = await startTallyman('on');
  await makePlace(server, 'busy');
  await makePlace(server, 'locked');
  await pushRate(server, 'locked/app', loadTags);
  const place = '/api/v1/namespaces/locked/immutability-policies';
  const used: { ours: number[]; theirs: number[] } = { ours: [], theirs: [] };
  const lockedPerSecond: number[] = [];
  let runs = 0;
  const during = async (): Promise<number> => {
    // Each run has all the tags to unlock and lock again: the policy is made, and released at the end.
    const made = (await call(server, 'POST', place, { pattern: `t-.*|${runs++}` })) as { id: string };
    const rate = await timedPushes(server, 'busy/app', { pushes, cpuMs: used.ours });
    const { run } = (await (await send(server, 'GET', `${place}/${made.id}`)).json()) as {
      run: { state: string; locked: number };
    };
    if (run.state !== 'running') throw new Error('the run ended before the pushes did: give it more tags');
    lockedPerSecond.push((run.locked * rate) / pushes);
    await send(server, 'DELETE', `${place}/${made.id}`);
    await call(server, 'POST', `${place}/${made.id}/release`, { reason: 'the next pair' });
    await settled(server, place);
    return rate;
  };
  const alone = () => timedPushes(server, 'busy/app', { pushes, cpuMs: used.theirs });
  const comparison = await compare(during, alone, times);
  return {
    row: 'g',
    what: `push of a tag, ${connections} connections: while a run locks ${loadTags} tags, beside alone`,
    unit: '/s',
    comparison,
    bar: { ratio: 0.9, by: 'upper' },
    note: `${toldCpu(used)}; ${Math.round(median(lockedPerSecond))} tags locked a second`,
  };
}

/** Waits until nothing is left to unlock: a policy that would lock everything finds all of it unlocked. */
async function settled(server: RunningPeer, place: string): Promise<void> {
  for (;;) {
    const preview = (await call(server, 'POST', `${place}/preview`, { pattern: '.*' })) as {
      alreadyLocked: number;
    };
    if (preview.alreadyLocked === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
