/**
 * The composition root: builds everything from the configuration, starts it from the inside out and stops it from the
 * outside in. Nothing else knows how the parts fit together.
 */
import { Access } from './access/access.ts';
import { openBlobs } from './blobs/open-blobs.ts';
import type { Config } from './config/config.ts';
import { lockFolder } from './db/folder-lock.ts';
import { openDb } from './db/open.ts';
import type { FatalError } from './domain/error.ts';
import { addHealthRoutes, createReadiness } from './http/health.ts';
import type { Logger } from './http/log.ts';
import { addMetricsRoute, HttpMetrics } from './http/metrics.ts';
import { createHttpServer } from './http/server.ts';
import { Identity } from './identity/identity.ts';
import { makeDataFolder, readRegistryKey } from './main/data-folder.ts';
import { recordStart, recordStop } from './main/life-events.ts';
import { addTrailMetrics } from './main/trail-metrics.ts';
import { type Clock, systemClock } from './stdx/clock.ts';
import { Trail } from './trail/trail.ts';

export type App = {
  /** Where people reach it. */
  readonly publicUrl: string;
  /** Begins to listen. Once. */
  start(): Promise<void>;
  /** Loses nothing that was acknowledged. Idempotent; later calls wait for the first. */
  stop(signal?: string): Promise<void>;
  /** Reads the certificate again. */
  reload(): void;
  /** Settles when the durable state became unknown: stop, and start anew. */
  readonly failed: Promise<FatalError>;
};

export type AppParts = { log: Logger; clock?: Clock };

/** Opens and migrates everything. When it throws, nothing stays open. */
export async function createApp(config: Config, { log, clock = systemClock() }: AppParts): Promise<App> {
  await using opened = new AsyncDisposableStack();
  await makeDataFolder(config.dataDir);
  const lock = lockFolder(config.dataDir);
  opened.defer(() => lock.release());
  const db = await openDb(locationOf(config));
  opened.defer(() => db.close());
  const blobs = await openBlobs({ dataDir: config.dataDir, clock, url: config.blobsUrl });
  opened.defer(() => blobs.close());

  const trail = new Trail({ db, clock });
  const registryKey = await readRegistryKey(config.dataDir);
  const identity = new Identity({ db, trail, clock, registryKey, publicUrl: config.publicUrl });
  const access = new Access({ db });
  void access;

  const { promise: failed, resolve: onFatal } = Promise.withResolvers<FatalError>();
  const metrics = new HttpMetrics();
  const http = createHttpServer({
    clock,
    log,
    metrics,
    onFatal,
    limits: config.limits,
    trustedProxies: config.http.trustedProxies,
    tls: config.tls,
    logAll: config.log.requests === 'all',
  });
  const tellProbe = (check: string, error: unknown): void => log.error({ check, error }, 'not ready');
  addHealthRoutes(
    http.app,
    createReadiness({ clock, tell: tellProbe, probes: { database: () => db.probe() } }),
  );
  addMetricsRoute(http.app, { registry: metrics.registry, token: config.metricsToken });
  addTrailMetrics(metrics.registry, { db, trail, clock, projectionLag: async () => 0 });

  const stores = opened.move();
  let stopping: Promise<void> | undefined;
  const stop = async (signal: string | undefined): Promise<void> => {
    await using _ = stores;
    await http.stop();
    await identity.stop();
    await trail.stop();
    await recordStop({ db, trail, clock }, signal);
  };
  return {
    publicUrl: config.publicUrl,
    failed,
    reload: () => http.reload(),
    start: async () => {
      await trail.start();
      await identity.start();
      await recordStart({ db, trail, clock });
      await http.listen(config.http);
    },
    stop: (signal) => {
      stopping ??= stop(signal);
      return stopping;
    },
  };
}

/** For the database room. */
export function locationOf({ database }: Config): Parameters<typeof openDb>[0] {
  return database.engine === 'sqlite' ? database : { engine: 'postgres', url: database.url.reveal() };
}
