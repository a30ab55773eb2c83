/**
 * The composition root: builds everything from the configuration, starts it from the inside out and stops it from the
 * outside in. Nothing else knows how the parts fit together.
 */
import { join } from 'node:path';
import type { FastifyPluginAsync } from 'fastify';
import { Access } from './access/access.ts';
import { apiRoutes } from './api/api.ts';
import { consoleFiles } from './api/console-files.ts';
import { logFiles } from './api/log-files.ts';
import { openBlobs } from './blobs/open-blobs.ts';
import type { BlobStore, BlobUpkeep } from './blobs/store.ts';
import type { Config } from './config/config.ts';
import { DigestGuard } from './containers/digest-guard.ts';
import { containerRoutes } from './containers/host.ts';
import { lockingKind } from './containers/locking.ts';
import { lockFolder } from './db/folder-lock.ts';
import { openDb } from './db/open.ts';
import { loadSteps, type StepHook } from './db/steps.ts';
import type { Db } from './db/store.ts';
import { digestOf } from './domain/digest.ts';
import { FatalError } from './domain/error.ts';
import { SelfAudit, type SelfAuditParts } from './fsck/self-audit.ts';
import { addHealthRoutes, createReadiness, type Probe } from './http/health.ts';
import type { Logger } from './http/log.ts';
import { addMetricsRoute, HttpMetrics } from './http/metrics.ts';
import { createHttpServer, type HttpServer } from './http/server.ts';
import { Identity } from './identity/identity.ts';
import { choreKind } from './jobs/chore.ts';
import type { ErasureParts } from './jobs/erasures.ts';
import { Jobs } from './jobs/jobs.ts';
import { containerNouns } from './main/api-containers.ts';
import { addAuditMetrics } from './main/audit-metrics.ts';
import { beginFirstStart, type FirstStart } from './main/first-start.ts';
import { composeForgetting } from './main/forgetting.ts';
import { addJobMetrics } from './main/job-metrics.ts';
import { recordStart, recordStop, serverItself } from './main/life-events.ts';
import { locationOf } from './main/location.ts';
import { addLogMetrics } from './main/log-metrics.ts';
import { startLogWork } from './main/log-work.ts';
import { readPublishedHeads } from './main/published-head.ts';
import { makeDataFolder, readRegistryKey } from './main/server-folder.ts';
import { requireUsableTls } from './main/tls-files.ts';
import { addTrailMetrics } from './main/trail-metrics.ts';
import { upkeepChores } from './main/upkeep.ts';
import { version } from './main/version.ts';
import { type Clock, systemClock } from './stdx/clock.ts';
import type { Performer } from './trail/draft.ts';
import { Log } from './trail/log/log.ts';
import { Search } from './trail/search.ts';
import { Trail, type TrailParts } from './trail/trail.ts';

export type App = {
  /** Where people reach it. */
  readonly publicUrl: string;
  /** What became of the question who the first administrator is. */
  readonly firstStart: FirstStart;
  /** Begins to work and to listen. Once. */
  start(): Promise<void>;
  /** Loses nothing that was acknowledged. Idempotent; later calls wait for the first. */
  stop(signal?: string): Promise<void>;
  /** Reads the certificate again. */
  reload(): void;
  /** Settles when the durable state became unknown: stop, and start anew. */
  readonly failed: Promise<FatalError>;
};

export type AppParts = {
  log: Logger;
  clock?: Clock;
  /** Only the bench makes another: one that records nothing, to measure what recording costs. */
  makeTrail?: (parts: TrailParts) => Trail;
  /** Only tests have one: it is told of each durable step. */
  hook?: StepHook;
};

/** Opens and migrates everything, and makes the first administrator. When it throws, nothing stays open. */
export async function createApp(config: Config, parts: AppParts): Promise<App> {
  const { log, clock = systemClock(), makeTrail = (of: TrailParts) => new Trail(of), hook } = parts;
  requireUsableTls(config.tls);
  await using opened = new AsyncDisposableStack();
  const stores = await openStores(opened, { config, clock, hook });
  const recording = {
    ...stores,
    clock,
    trail: makeTrail({ db: stores.db, clock, ...config.trail }),
  };
  const domain = await composeDomain(opened, recording, { config, log, hook });
  const firstStart = await beginFirstStart(domain.identity.parts, config.firstAdmin);
  const { promise: failed, resolve: onFatal } = Promise.withResolvers<FatalError>();
  const http = composeHttp({ ...domain, config, log, onFatal });
  for (const routes of [...hosts(domain, config), ...surfaces(domain, config, firstStart)])
    http.app.register(routes);

  const { db, trail, identity, eventLog, jobs } = domain;
  const held = opened.move();
  let watching: NodeJS.Timeout | undefined;
  let stopLogWork = (): void => {};
  const stop = async (signal: string | undefined): Promise<void> => {
    await using _ = held;
    clearInterval(watching);
    stopLogWork();
    await http.stop();
    await jobs.stop(config.limits.stopSeconds * 1_000);
    await identity.stop();
    await trail.stop();
    await recordStop(domain, signal);
    await eventLog.tryFinish(lastCheckpointMs);
  };
  let stopping: Promise<void> | undefined;
  return {
    publicUrl: config.publicUrl,
    firstStart,
    failed,
    reload: () => http.reload(),
    start: async () => {
      await trail.start();
      await identity.start();
      await recordStart(domain);
      watching = watchStore(db, onFatal);
      const tell = (error: unknown): void => log.error({ error }, 'no checkpoint could be signed');
      stopLogWork = startLogWork({ eventLog, copySeconds: config.checkpoint.copySeconds, tell });
      await jobs.start();
      await http.listen(config.http);
    },
    stop: (signal) => {
      stopping ??= stop(signal);
      return stopping;
    },
  };
}

type Stores = { db: Db; blobs: BlobStore & BlobUpkeep };

/** What was opened closes in reverse; the folder's lock goes last. */
async function openStores(
  opened: AsyncDisposableStack,
  { config, clock, hook }: { config: Config; clock: Clock; hook: StepHook | undefined },
): Promise<Stores> {
  await makeDataFolder(config.dataDir);
  const lock = lockFolder(config.dataDir);
  opened.defer(() => lock.release());
  const db = await openDb(locationOf(config), hook);
  opened.defer(() => db.close());
  const atStep = await loadSteps(hook);
  const blobs = await openBlobs({
    dataDir: config.dataDir,
    clock,
    url: config.blobsUrl,
    atStep: (step) => atStep(`blob.${step}`),
  });
  opened.defer(() => blobs.close());
  return { db, blobs };
}

type Domain = Stores & {
  clock: Clock;
  trail: Trail;
  eventLog: Log;
  search: Search;
  identity: Identity;
  access: Access;
  guard: DigestGuard;
  audit: SelfAudit;
  jobs: Jobs;
  erasures: ErasureParts;
};

async function composeDomain(
  opened: AsyncDisposableStack,
  stores: Stores & { clock: Clock; trail: Trail },
  { config, log, hook }: { config: Config; log: Logger; hook: StepHook | undefined },
): Promise<Domain> {
  const { db, clock, trail } = stores;
  const server = (): Performer => serverItself(clock);
  const signing = { db, clock, trail, server, settings: config, atStep: await loadSteps(hook) };
  const eventLog = await Log.open(signing);
  opened.defer(() => eventLog.close());
  const search = await Search.open({ db, clock, trail, location: locationOf(config), hook });
  opened.defer(() => search.close());
  const registryKey = await readRegistryKey(config.dataDir);
  const { idleMinutes, longestHours, registryTokenSeconds } = config.session;
  const settings = {
    sessionIdleMs: idleMinutes * 60_000,
    sessionAbsoluteMs: longestHours * 3_600_000,
    registryTokenMs: registryTokenSeconds * 1_000,
  };
  const identity = new Identity({ db, trail, clock, registryKey, publicUrl: config.publicUrl, settings });
  const audit = new SelfAudit({ ...stores, server, ...auditSettings(config) });
  await audit.load();
  const [access, guard] = [new Access({ db }), new DigestGuard()];
  const rooms = { ...stores, eventLog, search, identity, access, guard, audit };
  return { ...rooms, ...composeJobs(opened, rooms, { config, log }) };
}

function auditSettings(config: Config): Pick<SelfAuditParts, 'place' | 'share'> {
  const { dataDir, blobsUrl, fsck } = config;
  return {
    share: fsck.percent / 100,
    place: async () => ({
      location: locationOf(config),
      dataDir,
      blobsUrl,
      heads: await readPublishedHeads(dataDir),
    }),
  };
}

/** Each host is one line here. */
function hosts(domain: Domain, { publicUrl, limits }: Config): FastifyPluginAsync[] {
  const { manifestBytes, blobBytes } = limits;
  return [containerRoutes({ ...domain, publicUrl, limits: { manifestBytes, blobBytes } })];
}

const consoleFolder = join(import.meta.dirname, '../../console/dist');

/** The management API, and last the console, which answers GET for whatever nobody else does. */
function surfaces(
  domain: Domain,
  { publicUrl, limits }: Config,
  firstStart: FirstStart,
): FastifyPluginAsync[] {
  const containers = containerNouns(domain);
  const setupCode = firstStart.kind === 'code' ? { setupCode: firstStart.code } : {};
  const api = apiRoutes({
    ...domain,
    containers,
    publicUrl,
    version,
    formats: ['container'],
    ...setupCode,
    callsPerMinute: limits.apiCallsPerMinute,
  });
  return [api, logFiles(domain), consoleFiles({ folder: consoleFolder })];
}

type Working = Omit<Domain, 'jobs' | 'erasures'>;

function composeJobs(
  opened: AsyncDisposableStack,
  rooms: Working,
  { config, log }: { config: Config; log: Logger },
): Pick<Domain, 'jobs' | 'erasures'> {
  const jobs = new Jobs({ db: rooms.db, clock: rooms.clock, log });
  const { eventLog, audit } = rooms;
  if (config.fsck.intervalHours > 0) jobs.register(audit.jobKind(config.fsck.intervalHours * 3_600_000));
  const thinning = { name: 'checkpoint thinning', everyMs: 3_600_000, run: () => eventLog.thin() };
  for (const chore of [...upkeepChores(rooms, config.garbage), thinning]) jobs.register(choreKind(chore));
  jobs.register(lockingKind(rooms));
  const { erasures, scanner } = composeForgetting({ ...rooms, jobs, location: locationOf(config) });
  opened.defer(() => scanner.close());
  return { jobs, erasures };
}

type HttpParts = Domain & { config: Config; log: Logger; onFatal: (error: FatalError) => void };

function composeHttp({ config, log, onFatal, ...domain }: HttpParts): HttpServer {
  const { clock } = domain;
  const metrics = new HttpMetrics();
  const http = createHttpServer({
    clock,
    log,
    metrics,
    onFatal,
    limits: config.limits,
    trustedProxies: config.http.trustedProxies,
    tls: config.tls,
    forPrograms: ['/v2'],
    logAll: config.log.requests === 'all',
  });
  const tell = (check: string, error: unknown): void => log.error({ check, error }, 'not ready');
  addHealthRoutes(http.app, createReadiness({ clock, tell, probes: probesOf(domain) }));
  addMetricsRoute(http.app, { registry: metrics.registry, token: config.metricsToken });
  addTrailMetrics(metrics.registry, domain);
  addLogMetrics(metrics.registry, domain);
  addAuditMetrics(metrics.registry, domain.audit);
  addJobMetrics(metrics.registry, domain);
  return http;
}

/** Beyond it searches are far behind, and writers are about to be held up. */
const mostBehind = 400_000;
const emptyBlob = digestOf('sha256', '');

function probesOf({ db, blobs, search }: Domain): Record<string, Probe> {
  return {
    database: () => db.probe(),
    blobs: async () => void (await blobs.find(emptyBlob)),
    search: async () => {
      const failure = search.failure();
      if (failure !== undefined) throw new Error(`the search index: ${failure}`);
      if (search.lag() > mostBehind) throw new Error('the search index is too far behind the log');
    },
  };
}

const watchMs = 5_000;
/** For the checkpoint of the last event, with its copies. */
const lastCheckpointMs = 5_000;

/** A store that no longer knows its state says so to whoever asks; nobody may be asking. */
function watchStore(db: Db, onFatal: (error: FatalError) => void): NodeJS.Timeout {
  const look = (): void => {
    db.probe().catch((error: unknown) => {
      if (error instanceof FatalError) onFatal(error);
    });
  };
  return setInterval(look, watchMs).unref();
}
