/**
 * A log of 70,000 events, checked by an implementation of the same specifications that is not ours, and refused by it
 * when one byte of anything it reads is another.
 */
import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { after, before, suite, test } from 'node:test';
import {
  decodeEntries,
  encodeBase64,
  encodeEntries,
  encodeUtf8,
  formatTilePath,
  type HashTile,
  makeProof,
  nodesOf,
  type ProofPlan,
  parseCheckpoint,
  parseNote,
  planConsistency,
  planInclusion,
  type Tile,
  tileHashReader,
  tilesBetween,
  tilesOf,
  tileWidth,
} from '@tallyman/verifier';
import { openDb } from '../../server/src/db/open.ts';
import { plainDrafts } from '../../server/src/fsck/fsck-world.fixture.ts';
import { systemClock } from '../../server/src/stdx/clock.ts';
import { sealDraft } from '../../server/src/trail/seal.ts';
import { logKey, MemoryLog, origin, sealedEvent, sha256 } from '../../verifier/src/log/log.fixture.ts';
import { type ClientHome, createClientHome } from '../support/clients.ts';
import { buildGoProgram, goSkip } from '../support/go-program.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { waitFor } from '../support/wait-for.ts';

const size = 70_000;
const earlierSize = 41_234;
const chosen = [0, 1, 255, 256, 41_233, 65_535, 65_536, 69_887, 69_888, 69_999];

suite('an independent implementation', { skip: await goSkip() }, () => {
  const key = logKey('independent', origin);
  const log = new MemoryLog();
  const bodies: string[] = [];
  let home: ClientHome;
  let program: string;

  before(async () => {
    home = await createClientHome();
    program = await buildGoProgram(home, new URL('./independent-verifier/', import.meta.url).pathname);
    for (let number = 0; number < size; number++) {
      const { body } = sealedEvent(number);
      bodies.push(body);
      log.add(body);
    }
    await put('checkpoint', encodeUtf8(log.checkpoint(key.signers)));
    for (const tile of tilesBetween(0, size)) {
      await put(formatTilePath(tile), log.tile(tile));
      if (tile.level > 0) continue;
      const entries = bodies.slice(tile.n * 256, tile.n * 256 + tile.width).map(encodeUtf8);
      await put(formatTilePath({ ...tile, level: 'entries' }), encodeEntries(entries));
    }
  });
  after(() => home[Symbol.asyncDispose]());

  async function put(path: string, bytes: Uint8Array): Promise<void> {
    const file = home.join('log', path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, bytes);
  }

  const right = () => ({
    key: key.vkey,
    base: home.join('log'),
    earlier: log.checkpoint(key.signers, { size: earlierSize }),
    consistency: log.consistency(earlierSize).map(encodeBase64),
    inclusions: chosen.map((index) => ({
      index,
      body: bodies[index]!,
      proof: log.inclusion(index).map(encodeBase64),
    })),
    entries: true,
    authorization: '',
  });

  async function check(given: Omit<ReturnType<typeof right>, 'size'>) {
    const file = home.join('given.json');
    await writeFile(file, JSON.stringify(given));
    return home.run(program, [file]);
  }

  async function refuses(given: ReturnType<typeof right>, saying: RegExp): Promise<void> {
    const { code, stderr } = await check(given);
    assert.equal(code, 1);
    assert.match(stderr, saying);
  }

  test('accepts checkpoint, tiles, entries, inclusion and consistency proofs', async () => {
    const { code, stdout, stderr } = await check(right());
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: '70000\n', stderr: '' });
  });

  const files: [path: string, saying: RegExp][] = [
    ['checkpoint', /^checkpoint: /],
    ['tile/0/000', /^leaves: .* another root/],
    ['tile/0/272', /^leaves: .* another root/],
    ['tile/0/273.p/112', /^leaves: .* another root/],
    ['tile/1/000', /^leaves: tile\/1\/000 has other hashes/],
    ['tile/1/001.p/17', /^leaves: tile\/1\/001.p\/17 has/],
    ['tile/2/000.p/1', /^leaves: tile\/2\/000.p\/1 has/],
    ['tile/entries/000', /^leaves: entry/],
    ['tile/entries/273.p/112', /^leaves: entry/],
  ];
  for (const [path, saying] of files) {
    test(`refuses one flipped byte of ${path}`, async () => {
      const bytes = await readFile(home.join('log', path));
      // Of the checkpoint, a digit of its size; of a tile or bundle, a byte in its middle.
      const at = path === 'checkpoint' ? bytes.indexOf('\n70000\n') + 3 : bytes.length >> 1;
      await put(path, new Uint8Array(bytes).with(at, bytes[at]! ^ 1));
      try {
        await refuses(right(), saying);
      } finally {
        await put(path, bytes);
      }
    });
  }

  test('refuses one flipped byte of what it is handed', async () => {
    const flip = (text: string) => (text.startsWith('A') ? 'B' : 'A') + text.slice(1);
    const given = right();
    const [one, ...others] = given.inclusions as [(typeof given.inclusions)[0]];
    await refuses(
      { ...given, consistency: given.consistency.with(0, flip(given.consistency[0]!)) },
      /^consistency: /,
    );
    await refuses({ ...given, earlier: given.earlier.replace('\n41234\n', '\n41235\n') }, /^consistency: /);
    const proof = one.proof.with(3, flip(one.proof[3]!));
    await refuses({ ...given, inclusions: [{ ...one, proof }, ...others] }, /^inclusion of 0: /);
    const body = one.body.replace('"success"', '"succesS"');
    await refuses({ ...given, inclusions: [{ ...one, body }, ...others] }, /^inclusion of 0: /);
    await refuses({ ...given, key: logKey('other', origin).vkey }, /^checkpoint: /);
  });

  test('accepts the log of a server with as many events', async () => {
    await using server = await startTestServer();
    const read = reader(server);
    await waitFor('the first checkpoint', async () => (await fetch(`${server.url}/log/checkpoint`)).ok);
    const earlier = Buffer.from(await read('checkpoint')).toString();
    await server.stop();
    await fill(server);
    await server.restart();
    await waitFor('a checkpoint over all events', async () => sizeOf(await read('checkpoint')) >= size, {
      timeoutMs: 60_000,
    });
    // The first reading of entries is an event itself, once in ten minutes.
    await read('tile/entries/000');
    const quiet = 'a moment in which the log does not grow';
    await waitFor(quiet, isAccepted, { timeoutMs: 120_000 });

    async function isAccepted(): Promise<boolean> {
      const given = await gather(server, earlier);
      const { code, stdout, stderr } = await check(given);
      if (sizeOf(await read('checkpoint')) !== given.size) return false;
      assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: `${given.size}\n`, stderr: '' });
      return true;
    }
  });

  test('refuses a fork: an earlier checkpoint of another history', async () => {
    const other = log.cut(earlierSize - 1);
    other.add('else');
    await refuses({ ...right(), earlier: other.checkpoint(key.signers) }, /^consistency: /);
  });
});

async function fill({ dataDir }: TestServer): Promise<void> {
  const db = await openDb({ engine: 'sqlite', path: `${dataDir}/tallyman.db` });
  const clock = systemClock();
  const random = createSeededRandom(70_000);
  try {
    for (let done = 0; done < size; done += 1000) {
      await db.append(plainDrafts(1000, random).map((draft) => sealDraft(draft, clock)));
    }
  } finally {
    await db.close();
  }
}

type Read = (path: string) => Promise<Uint8Array>;

function reader({ url, adminAuth }: TestServer): Read {
  return async (path) => {
    const response = await fetch(`${url}/log/${path}`, { headers: { authorization: adminAuth.basic } });
    assert.equal(response.status, 200, path);
    return new Uint8Array(await response.arrayBuffer());
  };
}

function sizeOf(note: Uint8Array): number {
  return parseCheckpoint(parseNote(Buffer.from(note).toString()).text).size;
}

/** Proofs made from what the server serves, for its present checkpoint. */
async function gather(server: TestServer, earlier: string) {
  const read = reader(server);
  const now = sizeOf(await read('checkpoint'));
  const prove = async (plan: ProofPlan): Promise<string[]> => {
    const tiles = new Map<string, Uint8Array>();
    for (const tile of tilesOf(nodesOf(plan), now)) {
      tiles.set(formatTilePath(tile), await read(formatTilePath(tile)));
    }
    const readTile = (tile: HashTile) => tiles.get(formatTilePath(tile)) ?? assert.fail('not asked for');
    return makeProof(plan, { readHash: tileHashReader({ size: now, readTile }, sha256), sha256 }).map(
      encodeBase64,
    );
  };
  const inclusions = [];
  for (const index of chosen) {
    const n = Math.floor(index / 256);
    const tile: Tile = { level: 'entries', n, width: tileWidth({ level: 'entries', n }, now) };
    const body = decodeEntries(await read(formatTilePath(tile)), tile.width)[index % 256];
    const proof = await prove(planInclusion({ index, size: now }));
    inclusions.push({ index, body: Buffer.from(body ?? []).toString(), proof });
  }
  const consistency = await prove(planConsistency({ oldSize: sizeOf(encodeUtf8(earlier)), newSize: now }));
  const info = await fetch(`${server.url}/api/v1/log`, {
    headers: { authorization: server.adminAuth.basic },
  });
  const { key } = (await info.json()) as { key: string };
  const base = `${server.url}/log`;
  const entries = { entries: true, authorization: server.adminAuth.basic };
  return { size: now, key, base, earlier, consistency, inclusions, ...entries };
}
