/**
 * Row g: what immutability costs. Pushes into a namespace with no policy beside one with 10, with 200, and under one that
 * matches; a policy's run beside a bare loop that makes the same changes in the same batches; pushes while a run goes on.
 */

import { lockingKind } from '../server/src/containers/locking.ts';
import { lockTagRow } from '../server/src/containers/rows.ts';
import { openDb } from '../server/src/db/open.ts';
import type { Db, SealedEvent } from '../server/src/db/store.ts';
import { digestOf } from '../server/src/domain/digest.ts';
import { createLog } from '../server/src/http/log.ts';
import { Jobs } from '../server/src/jobs/jobs.ts';
import { createPolicy } from '../server/src/policies/policies.ts';
import { systemClock } from '../server/src/stdx/clock.ts';
import { uuidv7 } from '../server/src/stdx/random.ts';
import { sealDraft } from '../server/src/trail/seal.ts';
import { Trail } from '../server/src/trail/trail.ts';
import { createTempFolder } from '../tests/support/temp-folder.ts';
import { compare, type PairOptions } from './pairs.ts';
import { type RunningPeer, startTallyman } from './peers.ts';
import type { BenchRow } from './table.ts';

export type ImmutabilityOptions = PairOptions & {
  /** Tags pushed by one side of a pair. */
  pushes: number;
  /** Tags that a run locks. */
  runTags: number;
  /** Tags of the project that is locked while pushes go on. */
  loadTags: number;
};

const connections = 8;

export async function immutabilityRows(options: ImmutabilityOptions): Promise<BenchRow[]> {
  return [...(await pushRows(options)), ...(await runRows(options)), await loadRow(options)];
}

/** Of a small manifest whose blobs are there: the part of a push that policies can slow down. */
async function pushRows({ pushes, ...times }: ImmutabilityOptions): Promise<BenchRow[]> {
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
    const side = (place: string) => () => pushRate(server, `${place}/app`, pushes);
    const comparison = await compare(side(name), side('plain'), times);
    rows.push({
      row: 'g',
      what: `push of a tag, ${connections} connections: ${what}`,
      unit: '/s',
      comparison,
      bar: { ratio: 0.98, by: 'upper' },
    });
  }
  return rows;
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

/** In this process, so that both sides have the same store. */
async function runRows({ runTags, ...times }: ImmutabilityOptions): Promise<BenchRow[]> {
  await using folder = await createTempFolder('bench-run');
  const clock = systemClock();
  const db = await openDb({ engine: 'sqlite', path: folder.join('tallyman.db') });
  await using _ = { [Symbol.asyncDispose]: () => db.close() };
  const trail = new Trail({ db, clock });
  const jobs = new Jobs({ db, clock, log: createLog({ level: 'silent' }) });
  jobs.register(lockingKind({ db, trail, clock }));
  const parts = { db, trail, clock, jobs };
  const ours = async (): Promise<number> => {
    const { namespaceId, projectId, scope } = await makeTags(db, runTags);
    const words = { pattern: '.*', matches: true, description: '' };
    await createPolicy(parts, { by, place: { namespaceId, projectId, scope }, words });
    const began = performance.now();
    await jobs.settle();
    return (runTags * 1_000) / (performance.now() - began);
  };
  const theirs = async (): Promise<number> => {
    const { projectId, names } = await makeTags(db, runTags);
    const event = sealDraft({ ...draft, scope: { project: projectOf(projectId) } }, clock);
    const began = performance.now();
    await bareLoop(db, { projectId, names, event });
    return (runTags * 1_000) / (performance.now() - began);
  };
  const comparison = await compare(ours, theirs, times);
  const what = `tags locked by a run, idle, beside a bare loop of the same batches`;
  return [{ row: 'g', what, unit: '/s', comparison, bar: { ratio: 0.67, by: 'upper' } }];
}

const by = {
  actor: { kind: 'system', id: 'bench', name: 'immutability policy', proven: true },
  credential: { kind: 'none' },
  request: { id: '01a20287-9fe6-72bc-85e8-209fd6e902dd', protocol: 'internal' },
} as const;
const digest = digestOf('sha256', manifest);
const policy = { id: by.request.id, version: 1, scope: 'project', pattern: '.*', matches: true } as const;
const draft = {
  type: 'container.tag.lock',
  by,
  target: { kind: 'tag', name: 'v1.000000' },
  cause: by.request.id,
  details: { digest, previous: 'unlocked', tag: 'v1.000000', trigger: 'policy', policy },
} as const;
const projectOf = (id: string) => ({ format: 'container' as const, id, path: 'bench/app' });

/** The batches of a run that has found its size. */
async function bareLoop(
  db: Db,
  { projectId, names, event }: { projectId: string; names: readonly string[]; event: SealedEvent },
): Promise<void> {
  const batch = 100;
  for (let at = 0; at < names.length; at += batch)
    await db.transact(async (tx) => {
      for (const name of names.slice(at, at + batch)) {
        await tx.run(lockTagRow, ['policy', 1, by.request.id, policy.id, 1, null, projectId, name]);
        tx.append(event);
      }
    });
}

async function makeTags(db: Db, count: number) {
  const clock = systemClock();
  const nowUs = clock.nowUs();
  const [namespaceId, projectId] = [uuidv7(nowUs), uuidv7(nowUs)];
  const names = Array.from({ length: count }, (_, at) => `v1.${String(at).padStart(6, '0')}`);
  const name = namespaceId;
  await db.transact(async (tx) => {
    const made = { created_at: nowUs, deleted_at: null };
    await tx.q
      .insertInto('namespace')
      .values({ ...made, id: namespaceId, kind: 'organisation', name })
      .execute();
    await tx.q
      .insertInto('project')
      .values({
        ...made,
        id: projectId,
        format: 'container',
        namespace_id: namespaceId,
        name: 'app',
        visibility: 'private',
        description: '',
      })
      .execute();
  });
  for (let at = 0; at < count; at += 500) {
    const rows = names.slice(at, at + 500).map((tag) => ({
      project_id: projectId,
      name: tag,
      digest,
      created_at: nowUs,
      moved_at: nowUs,
      event_id: namespaceId,
    }));
    await db.transact(async (tx) => void (await tx.q.insertInto('tag').values(rows).execute()));
  }
  const scope = {
    namespace: { id: namespaceId, kind: 'organisation' as const, name },
    project: projectOf(projectId),
  };
  return { namespaceId, projectId, names, scope };
}

/** Pushes to one project while a policy is carried to the tags of another, beside pushes alone. */
async function loadRow({ pushes, loadTags, ...times }: ImmutabilityOptions): Promise<BenchRow> {
  await using server = await startTallyman('on');
  await makePlace(server, 'busy');
  await makePlace(server, 'locked');
  await pushRate(server, 'locked/app', loadTags);
  let runs = 0;
  const during = async (): Promise<number> => {
    // Each run has all the tags to unlock and lock again: the policy is made, and released at the end.
    const place = '/api/v1/namespaces/locked/immutability-policies';
    const made = (await call(server, 'POST', place, { pattern: `t-.*|${runs++}` })) as { id: string };
    const rate = await pushRate(server, 'busy/app', pushes);
    await send(server, 'DELETE', `${place}/${made.id}`);
    await call(server, 'POST', `${place}/${made.id}/release`, { reason: 'the next pair' });
    await settled(server, `${place}`);
    return rate;
  };
  const alone = () => pushRate(server, 'busy/app', pushes);
  const comparison = await compare(during, alone, times);
  const what = `push of a tag, ${connections} connections: while a run locks ${loadTags} tags, beside alone`;
  return { row: 'g', what, unit: '/s', comparison, bar: { ratio: 0.9, by: 'upper' } };
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
