/**
 * The log as static files (docs/spec/log.md section 6, C2SP tlog-tiles): checkpoint, hash tiles and rotations for
 * everybody, entries for those who may read all events. Nothing is answered that the published checkpoint does not cover.
 */
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import { LogError, parseTilePath, type Tile } from '@tallyman/verifier';
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import type { Caller } from '../domain/caller.ts';
import { AppError } from '../domain/error.ts';
import type { Clock } from '../stdx/clock.ts';
import type { Log } from '../trail/log/log.ts';
import { Readings } from '../trail/readings.ts';
import type { Trail } from '../trail/trail.ts';
import { type GateParts, meet, requireCaller, requireNoRegistryToken } from './gates.ts';
import type { Visit } from './refusals.ts';
import { refuse } from './routes.ts';

export type LogFileParts = Pick<GateParts, 'identity' | 'access'> & {
  eventLog: Pick<Log, 'published' | 'findTile' | 'findEntries' | 'rotations'>;
  trail: Pick<Trail, 'read' | 'attempt'>;
  clock: Clock;
};

const compress = promisify(gzip);
const oneYear = 'public, max-age=31536000, immutable';
const fewSeconds = 'public, max-age=1';
/** Each holds some megabytes while it is made. */
const mostBundles = 8;

export function logFiles(parts: LogFileParts): FastifyPluginAsync {
  const visits = new WeakMap<FastifyRequest, Visit>();
  return async (app) => {
    app.setErrorHandler((error, request, reply) =>
      refuse(parts, visits.get(request), { error, request, reply }),
    );
    addPublic(app, parts);
    addTiles(app, parts, visits);
  };
}

function addPublic(app: FastifyInstance, { eventLog }: LogFileParts): void {
  app.get('/log/checkpoint', async (_request, reply) => {
    if (eventLog.published === undefined) throw notThere();
    return sendText(reply, eventLog.published.note);
  });
  app.get('/log/rotations', async (_request, reply) => {
    const rotations = await eventLog.rotations();
    return sendText(reply, rotations.map((text) => `${text}\n`).join(''));
  });
}

/** For everybody, pages of other sites included: there is nothing in it that depends on who asks. */
function sendText(reply: FastifyReply, text: string): FastifyReply {
  return reply
    .header('cache-control', fewSeconds)
    .header('access-control-allow-origin', '*')
    .type('text/plain; charset=utf-8')
    .send(text);
}

function addTiles(app: FastifyInstance, parts: LogFileParts, visits: WeakMap<FastifyRequest, Visit>): void {
  const sendEntries = entriesSender(parts);
  app.get('/log/tile/*', async (request, reply) => {
    const tile = readTilePath((request.params as { '*': string })['*']);
    if (tile.level !== 'entries') {
      const { level, n, width } = tile;
      const hashes = await parts.eventLog.findTile({ level, n, width });
      if (hashes === undefined) throw notThere();
      reply.header('cache-control', oneYear).header('access-control-allow-origin', '*');
      return reply.type('application/octet-stream').send(Buffer.from(hashes));
    }
    const visit: Visit = {
      id: undefined,
      action: 'log.entries',
      row: { refusal: 'api.action.refuse', permission: 'administrator' },
      scope: {},
      attempted: {},
    };
    visits.set(request, visit);
    await meet(parts, visit, request);
    return sendEntries(requireReader(visit), tile, { request, reply });
  });
}

function readTilePath(path: string): Tile {
  try {
    return parseTilePath(`tile/${path}`);
  } catch (error) {
    throw error instanceof LogError ? notThere() : error;
  }
}

/** Who reads all events. A token carries its user's system role only with the scope for it. */
function requireReader(visit: Visit): Caller {
  const caller = requireCaller(visit);
  requireNoRegistryToken(caller);
  if (caller.roles.admin || caller.roles.auditor) return caller;
  visit.refusal = { reason: 'not_permitted', roleHeld: 'none', roleNeeded: 'auditor' };
  throw new AppError(
    'forbidden',
    'The entries of the log are for administrators and auditors; its hash tiles are for everybody.',
    { reason: 'not_permitted' },
  );
}

type Asked = { request: FastifyRequest; reply: FastifyReply };

function entriesSender(parts: LogFileParts) {
  const record = readingRecorder(parts);
  let making = 0;
  return async (caller: Caller, { n, width }: Tile, { request, reply }: Asked): Promise<FastifyReply> => {
    if (making >= mostBundles)
      throw new AppError('rate_limited', 'Too many entry bundles are being read. Try again in a moment.', {
        reason: 'rate_limited',
        retryAfterSeconds: 1,
      });
    making++;
    try {
      const entries = await parts.eventLog.findEntries({ n, width });
      if (entries === undefined) throw notThere();
      await record(caller);
      reply.header('cache-control', 'private, no-store').header('vary', 'accept-encoding');
      reply.type('application/octet-stream');
      if (!/\bgzip\b/.test(request.headers['accept-encoding'] ?? '')) return reply.send(Buffer.from(entries));
      const zipped = await compress(entries, { level: constants.Z_BEST_SPEED });
      return reply.header('content-encoding', 'gzip').send(zipped);
    } finally {
      making--;
    }
  };
}

/** Reading others' events is an event, once per reader in ten minutes. */
function readingRecorder({ trail, clock }: LogFileParts): (caller: Caller) => Promise<void> {
  const readings = new Readings(clock);
  const filter = JSON.stringify({ log: 'entries' });
  return (caller) =>
    readings.once(caller, filter, () =>
      trail.read({
        type: 'trail.events.read',
        by: caller,
        scope: {},
        details: { view: 'administration', filter },
      }),
    );
}

function notThere(): AppError {
  return new AppError(
    'not_found',
    'The log has no such file, or its published checkpoint does not cover it yet.',
  );
}
