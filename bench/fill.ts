/**
 * `npm run bench:fill -- --events 10000000 --data <folder> [--engine sqlite|postgres --url postgres://…]`: a log of so many
 * realistic events with its tree, and the search index over it. Goes on where it was stopped.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type DatabaseLocation, openDb } from '../server/src/db/open.ts';
import { systemClock } from '../server/src/stdx/clock.ts';
import { Search, searchPathOf } from '../server/src/trail/search.ts';
import { Trail } from '../server/src/trail/trail.ts';
import { fillLog, fillSearch, requireRoom } from './filling.ts';

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '10000000' },
    engine: { type: 'string', default: 'sqlite' },
    data: { type: 'string' },
    url: { type: 'string' },
  },
});
const events = Number(values.events);
if (!Number.isSafeInteger(events) || events < 1) throw new Error('--events needs a whole number.');
const location = locationOf();
if (values.data !== undefined) requireRoom(values.data, events);

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const seconds = (from: number): number => (performance.now() - from) / 1000;
const progress = (what: string, from: number, base: number) => {
  let told = performance.now();
  return (done: number): void => {
    if (performance.now() - told < 10_000) return;
    told = performance.now();
    const rate = Math.round((done - base) / seconds(from));
    say(`${what}: ${done.toLocaleString('en-GB')} of ${events.toLocaleString('en-GB')}, ${rate} a second`);
  };
};

const filling = performance.now();
const before = await fillLog(location, events, progress('log', filling, 0));
const filled = Math.max(0, events - before);
say(
  `log: ${filled} events more in ${seconds(filling).toFixed(1)} s, CPU ${(process.cpuUsage().user / 1e6).toFixed(1)} s`,
);

const building = performance.now();
const cpu = process.cpuUsage();
if (location.engine === 'sqlite')
  fillSearch(searchPathOf(location.path), events, {
    tell: progress('search index', building, 0),
    made: (name) => say(`${name}: ${seconds(building).toFixed(1)} s`),
  });
else await project(location);
const { user, system } = process.cpuUsage(cpu);
say(`search index: ${seconds(building).toFixed(1)} s, CPU ${((user + system) / 1e6).toFixed(1)} s`);

/** As the server does it. */
async function project(at: DatabaseLocation): Promise<void> {
  const clock = systemClock();
  const db = await openDb(at);
  const search = await Search.open({ db, clock, trail: new Trail({ db, clock }), location: at });
  const tell = progress('search index', building, events - search.lag());
  while (search.lag() > 0) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    tell(events - search.lag());
    if (search.failure() !== undefined) say(`search index: ${search.failure()}`);
  }
  await search.close();
  await db.close();
}

function locationOf(): DatabaseLocation {
  if (values.engine === 'postgres') {
    if (values.url === undefined)
      throw new Error('--engine postgres needs --url postgres://…, an empty database.');
    return { engine: 'postgres', url: values.url };
  }
  if (values.engine !== 'sqlite') throw new Error('--engine is sqlite or postgres.');
  if (values.data === undefined) throw new Error('--data needs a folder.');
  return { engine: 'sqlite', path: join(values.data, 'tallyman.db') };
}
