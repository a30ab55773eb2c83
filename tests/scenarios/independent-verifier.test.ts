/**
 * A log of 70,000 events, checked by an implementation of the same specifications that is not ours, and refused by it
 * when one byte of anything it reads is another.
 */
import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { encodeBase64, encodeEntries, encodeUtf8, formatTilePath, tilesBetween } from '@tallyman/verifier';
import { logKey, MemoryLog, origin, sealedEvent } from '../../verifier/src/log/log.fixture.ts';
import { type ClientHome, createClientHome } from '../support/clients.ts';
import { buildGoProgram, goSkip } from '../support/go-program.ts';

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
  });

  async function check(given: ReturnType<typeof right>) {
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

  test('refuses a fork: an earlier checkpoint of another history', async () => {
    const other = log.cut(earlierSize - 1);
    other.add('else');
    await refuses({ ...right(), earlier: other.checkpoint(key.signers) }, /^consistency: /);
  });
});
