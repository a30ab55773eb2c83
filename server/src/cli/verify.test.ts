/** `tallyman verify` against logs that tell the truth and logs that do not, served over HTTP, from a folder, and in bundles. */
import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import {
  encodeUtf8,
  formatBundleHead,
  formatTilePath,
  type HashTile,
  parseBundleHead,
  parseTilePath,
  tilesBetween,
} from '@tallyman/verifier';
import { type CommandResult, runTallyman } from '../../../tests/support/server.ts';
import { createTempFolder, type TempFolder } from '../../../tests/support/temp-folder.ts';
import {
  bundleLines,
  logKey,
  MemoryLog,
  origin,
  sealedEvent,
} from '../../../verifier/src/log/log.fixture.ts';

const key = logKey('first', origin);
const stranger = logKey('stranger', origin);
const rows = Array.from({ length: 700 }, (_, number) => sealedEvent(number));
const right = new MemoryLog();
for (const { body } of rows) right.add(body);

function altered(size: number, index: number): MemoryLog {
  const log = right.cut(index);
  log.add(sealedEvent(9999).body);
  while (log.size < size) log.add(rows[log.size]!.body);
  return log;
}

let folder: TempFolder;
beforeEach(async () => {
  folder = await createTempFolder('verify');
});
afterEach(() => folder[Symbol.asyncDispose]());

function verify(...words: string[]): Promise<CommandResult> {
  const env = { HOME: folder.path, XDG_STATE_HOME: folder.join('state') };
  return runTallyman(['verify', ...words], { env, cwd: folder.path });
}

async function told(...words: string[]): Promise<[number | null, Record<string, unknown>]> {
  const { code, stdout, stderr } = await verify(...words, '--json');
  assert.equal(stderr, '');
  return [code, JSON.parse(stdout) as Record<string, unknown>];
}

async function put(path: string, content: string | Uint8Array): Promise<string> {
  const file = folder.join(path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
  return file;
}

describe('tallyman verify URL', () => {
  let server: Server;
  let url: string;
  let log = right;
  let answer: ((path: string) => Uint8Array | 'redirect' | 'endless' | undefined) | undefined;
  before(async () => {
    server = createServer((request, response) => {
      const path = (request.url ?? '').replace('/log/', '');
      const content = (answer ?? serve)(path);
      if (content === undefined) response.writeHead(404).end();
      else if (content === 'redirect') response.writeHead(302, { location: '/log/checkpoint' }).end();
      else if (content === 'endless') {
        const write = (): void => {
          while (!response.destroyed && response.write(Buffer.alloc(65_536, 'x')));
        };
        response.on('drain', write).on('error', () => {});
        write();
      } else response.end(content);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  beforeEach(() => {
    log = right.cut(600);
    answer = undefined;
  });

  function serve(path: string): Uint8Array | undefined {
    if (path === 'checkpoint') return encodeUtf8(log.checkpoint(key.signers));
    if (path === 'rotations') return new Uint8Array(0);
    const tile = parseTilePath(path) as HashTile;
    const bytes = log.tile(tile);
    return bytes.length === tile.width * 32 ? bytes : undefined;
  }

  it('needs a key at the first visit and none later, and accepts growth', async () => {
    const without = await verify(url);
    assert.equal(without.code, 7);
    assert.match(without.stderr, /--key/);
    const [first, one] = await told(url, '--key', key.vkey);
    assert.deepEqual([first, one.verdict, one.size], [0, 'first', 600]);
    log = right;
    const [second, two] = await told(`${url}/log/`);
    assert.deepEqual([second, two.verdict, two.keptSize, two.size], [0, 'accepted', 600, 700]);
    const again = await verify(url);
    assert.match(again.stdout, /^RIGHT: registry\.example\/log, 700 events, signed 2024-.*Nothing new\.\n$/);
    const other = await verify(url, '--key', stranger.vkey);
    assert.equal(other.code, 6);
    assert.match(other.stderr, /another key/);
  });

  it('names a fork with both sizes and the first range, and keeps both checkpoints', async () => {
    await verify(url, '--key', key.vkey);
    log = altered(700, 300);
    const [code, fork] = await told(url);
    assert.deepEqual([code, fork.verdict, fork.keptSize, fork.size], [10, 'fork', 600, 700]);
    assert.deepEqual(fork.differing, { from: 256, to: 512 });
    const kept = await readFile(`${fork.proof}/kept.checkpoint`, 'utf8');
    assert.equal(kept, right.checkpoint(key.signers, { size: 600 }));
    assert.equal(await readFile(`${fork.proof}/found.checkpoint`, 'utf8'), log.checkpoint(key.signers));
    const { code: again, stdout } = await verify(url);
    assert.equal(again, 10);
    assert.match(stdout, /^FORK: .* 700 events.* 600 events.* from 256 to 511\./);
    log = right;
    assert.deepEqual((await told(url))[1].verdict, 'accepted');
  });

  it('names the event when it was told to keep the leaves', async () => {
    await verify(url, '--key', key.vkey, '--leaves');
    log = altered(700, 300);
    assert.deepEqual((await told(url, '--leaves'))[1].differing, { from: 300, to: 301 });
  });

  it('names a rollback', async () => {
    await verify(url, '--key', key.vkey);
    log = right.cut(500);
    const [code, rollback] = await told(url);
    assert.deepEqual([code, rollback.verdict, rollback.differing], [10, 'rollback', { from: 500, to: 600 }]);
  });

  it('compares with checkpoints that were kept elsewhere', async () => {
    for (const size of [100, 200, 300, 400]) {
      const name = String(size).padStart(15, '0').match(/\d{3}/g)!.join('/');
      await put(`copies/${origin}/${name}`, right.checkpoint(key.signers, { size }));
    }
    const copies = folder.join('copies');
    assert.equal((await told(url, '--key', key.vkey, '--checkpoint', copies))[0], 0);
    log = altered(600, 250);
    const state = folder.join('fresh');
    const [code, fork] = await told(url, '--key', key.vkey, '--checkpoint', copies, '--state', state);
    assert.deepEqual([code, fork.verdict, fork.differing], [10, 'fork', { from: 200, to: 300 }]);
    const one = folder.join('copies', origin, '000/000/000/000/300');
    const [, coarse] = await told(url, '--key', key.vkey, '--checkpoint', one, '--state', state);
    assert.deepEqual([coarse.keptSize, coarse.differing], [300, { from: 0, to: 300 }]);
  });

  it('refuses what is not the log, whatever it answers', async () => {
    const visit = () => verify(url, '--key', key.vkey);
    answer = () => 'redirect';
    assert.equal((await visit()).code, 8);
    answer = (path) => (path === 'checkpoint' ? 'endless' : serve(path));
    const endless = await visit();
    assert.equal(endless.code, 7);
    assert.match(endless.stderr, /larger than such a file can be/);
    answer = () => undefined;
    assert.deepEqual((await told(url, '--key', key.vkey))[1].reason, 'missing_file');
    answer = (path) => (path === 'checkpoint' ? encodeUtf8(log.checkpoint(stranger.signers)) : serve(path));
    const refused = await visit();
    assert.equal(refused.code, 9);
    assert.match(refused.stdout, /^REFUSED: no_trusted_signature\./);
    assert.deepEqual(await readdir(folder.join('state')).catch(() => []), []);
  });
});

describe('tallyman verify FOLDER', () => {
  it('reads the files of a log', async () => {
    await put('served/checkpoint', right.checkpoint(key.signers));
    for (const tile of tilesBetween(0, right.size))
      await put(`served/${formatTilePath(tile)}`, right.tile(tile));
    await put('log.vkey', `${key.vkey}\n`);
    const [code, verdict] = await told('served', '--key', 'log.vkey');
    assert.deepEqual([code, verdict.verdict, verdict.size], [0, 'first', 700]);
    await put('served/tile/1/000.p/2', new Uint8Array(64));
    const [changed, refused] = await told('served', '--key', 'log.vkey', '--state', 'other');
    assert.deepEqual([changed, refused.reason], [9, 'tiles_mismatch']);
  });
});

describe('tallyman verify FILE', () => {
  const bundle = (signers = key.signers, log = right) =>
    bundleLines({ log, rows: new Map([3, 250, 699].map((at) => [at, rows[at]!])), signers }).join('');

  it('verifies a bundle and shows its events', async () => {
    const file = await put('a.bundle', bundle());
    const [code, verdict] = await told(file, '--key', key.vkey);
    assert.deepEqual([code, verdict.verdict, verdict.events, verdict.size], [0, 'right', 3, 700]);
    const { stdout, stderr } = await verify(file, '--key', key.vkey, '--events');
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { index: number });
    assert.deepEqual(
      events.map(({ index }) => index),
      [3, 250, 699],
    );
    assert.match(stderr, /^RIGHT: 3 events of registry\.example\/log/);
  });

  it('refuses a changed one, and says where', async () => {
    const file = await put('a.bundle', bundle().replace('192.0.2.17', '192.0.2.18'));
    const { code, stdout } = await verify(file, '--key', key.vkey);
    assert.equal(code, 9);
    assert.match(stdout, /^REFUSED: event_refused at line 2 \(commitment_mismatch at \/request\/ip\)/);
    assert.equal((await verify(await put('b.bundle', bundle(stranger.signers)), '--key', key.vkey)).code, 9);
    assert.deepEqual((await told(await put('c.bundle', 'hello'), '--key', key.vkey))[1].reason, 'truncated');
    assert.equal((await verify('nowhere', '--key', key.vkey)).code, 5);
    assert.equal((await verify(file, '--key', 'nowhere')).code, 2);
    assert.equal((await verify(file, '--key', `${key.vkey.slice(0, -8)}AAAAAAA=`)).code, 7);
  });

  it('links a bundle to the history followed so far, or keeps the proof that it is of another', async () => {
    await put('served/checkpoint', right.checkpoint(key.signers));
    for (const tile of tilesBetween(0, right.size))
      await put(`served/${formatTilePath(tile)}`, right.tile(tile));
    await verify('served', '--key', key.vkey);
    assert.equal((await told(await put('a.bundle', bundle())))[1].linked, true);
    const forked = await put('b.bundle', bundle(key.signers, altered(700, 500)).replace('unused', ''));
    const [code, fork] = await told(forked);
    assert.deepEqual([code, fork.verdict, fork.size], [10, 'fork', 700]);
    assert.deepEqual((await readdir(String(fork.proof))).sort(), [
      'differing.json',
      'found.checkpoint',
      'kept.checkpoint',
    ]);
  });

  it('keeps both checkpoints of a bundle that contradict each other', async () => {
    const [first = '', ...lines] = bundle().split('\n');
    const head = parseBundleHead(first);
    const other = altered(700, 500).checkpoint(key.signers);
    const two = formatBundleHead({ ...head, consistency: { checkpoint: other, proof: [] } });
    const file = await put('a.bundle', `${two}${lines.join('\n')}`);
    const [code, fork] = await told(file, '--key', key.vkey);
    assert.deepEqual([code, fork.verdict, fork.size], [10, 'fork', 700]);
    const notes = await Promise.all(
      ['kept', 'found'].map((name) => readFile(`${String(fork.proof)}/${name}.checkpoint`, 'utf8')),
    );
    assert.deepEqual(notes.sort(), [other, right.checkpoint(key.signers)].sort());
    const { stdout } = await verify(file, '--key', key.vkey);
    assert.match(stdout, /^FORK: registry\.example\/log signed two histories of 700 events/);
  });

  it('says of an export that it proves nothing, after it checked its form', async () => {
    const line = (index: number, recordedAt = '2024-05-01T04:24:43.123461Z') =>
      `${JSON.stringify({ index, id: 'x', recordedAt })}\n`;
    const [code, verdict] = await told(await put('a.ndjson', line(1) + line(5)));
    assert.deepEqual([code, verdict], [11, { verdict: 'unproven', events: 2, first: 1, last: 5 }]);
    const reason = async (text: string) => (await told(await put('b.ndjson', text)))[1].reason;
    assert.equal(await reason(line(5) + line(1)), 'events_out_of_order');
    assert.equal(await reason(line(5) + line(5)), 'duplicate_event');
    assert.equal(await reason(line(5) + line(6).slice(0, -3)), 'truncated');
    assert.equal(await reason(line(5, '9026-11-22T04:24:43.123461Z')), 'future_dated');
  });
});
