/** Signing, publishing, refusing and rotating, with a crash at every step, on both databases. */
import assert from 'node:assert/strict';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import {
  followRotations,
  leafHash,
  openCheckpoint,
  openTrustedCheckpoint,
  parseRotation,
  parseVerifierKey,
  rangeNodes,
  rootOfPerfect,
  type Trust,
  trustKey,
  verifyConsistency,
} from '@tallyman/verifier';
import { edgeChanged, edgeRemoved } from '../../../../tests/support/log-edge.ts';
import { createTempFolder } from '../../../../tests/support/temp-folder.ts';
import { S3TestServer } from '../../blobs/s3-server.fixture.ts';
import { durableSteps } from '../../db/steps.ts';
import type { Db } from '../../db/store.ts';
import { AppError } from '../../domain/error.ts';
import { nodeSha256 } from '../seal.ts';
import { Trail } from '../trail.ts';
import { KeyFiles } from './key-files.ts';
import { keySteps, replaceKey } from './keys.ts';
import type { Log } from './log.ts';
import { type LogHouse, logEngines, openLogHouse } from './log-house.fixture.ts';
import { proveConsistency } from './proofs.ts';
import { SigningKey, verifyEd25519 } from './signing-key.ts';
import { LogTiles } from './tiles.ts';

const cryptography = { sha256: nodeSha256, verify: verifyEd25519 };

/** An auditor who was given the first key and keeps the last checkpoint. */
class Auditor {
  #trust: Trust;
  #kept: { size: number; root: Uint8Array } | undefined;

  constructor(vkey: string) {
    this.#trust = trustKey(vkey, nodeSha256);
  }

  async visit({ db, clock }: LogHouse, log: Log): Promise<number> {
    const rotations = (await log.rotations()).map(parseRotation);
    this.#trust = followRotations(this.#trust, { rotations, ...cryptography });
    const note = log.published?.note ?? assert.fail('nothing is published');
    const nowSec = Math.floor(clock.nowMs() / 1_000);
    const { size, root } = openTrustedCheckpoint(note, { trust: this.#trust, nowSec, ...cryptography });
    const kept = this.#kept;
    if (kept) {
      const proof = await proveConsistency(new LogTiles(db.read), { oldSize: kept.size, newSize: size });
      const sides = { oldSize: kept.size, oldRoot: kept.root, newSize: size, newRoot: root };
      verifyConsistency({ ...sides, proof }, nodeSha256);
    }
    this.#kept = { size, root };
    return size;
  }
}

function published(log: Log): { size: number; note: string } {
  return log.published ?? assert.fail('nothing is published');
}

class Crash extends Error {}

/** Commits, and then fails: once, at this unit. */
function losesAnswers(db: Db, nth: number): Db {
  let units = 0;
  return {
    engine: db.engine,
    read: db.read,
    transact: async (unit, options) => {
      const value = await db.transact(unit, options);
      if (++units === nth) throw new Crash('lost answer');
      return value;
    },
    append: (events) => db.append(events),
    setGate: (gate) => db.setGate(gate),
    head: () => db.head(),
    partialTile: (tile) => db.partialTile(tile),
    onHead: (listener) => db.onHead(listener),
    probe: () => db.probe(),
    close: () => db.close(),
  };
}

function crashAt(step: string): (at: string) => void {
  let crashed = false;
  return (at) => {
    if (at !== step || crashed) return;
    crashed = true;
    throw new Crash(step);
  };
}

for (const { engine, skip } of logEngines) {
  describe(`the log on ${engine}`, { skip }, () => {
    it('signs each head once, with and without the time, and publishes it', async () => {
      await using house = await openLogHouse(engine);
      const log = await house.open();
      assert.equal(log.published, undefined);
      await log.checkpoint();
      const [created] = await house.details('log.key.create');
      assert.deepEqual(created, { origin: 'registry.example.org/log', key: log.vkey });
      assert.equal(await house.file('log/key.pub'), `${log.vkey}\n`);
      const auditor = new Auditor(log.vkey);
      assert.equal(await auditor.visit(house, log), 1);
      const first = published(log).note;
      await log.checkpoint();
      assert.equal(published(log).note, first, 'without news nothing is signed');
      await house.add(700);
      house.clock.advanceMs(1_000);
      await Promise.all([log.checkpoint(), log.checkpoint(), log.checkpoint()]);
      assert.equal(await auditor.visit(house, log), 701);
      assert.equal(await house.file('log/checkpoint'), published(log).note);
      const rows = await house.db.read.q.selectFrom('log_checkpoint').selectAll().orderBy('size').execute();
      assert.deepEqual(
        rows.map(({ size, note }) => [size, note]),
        [
          [1, first],
          [701, published(log).note],
        ],
      );
      const again = await house.open();
      assert.deepEqual([again.vkey, again.published?.note], [log.vkey, published(log).note]);
    });

    it('keeps its key to itself, its name for ever, and does not start without them', async () => {
      await using house = await openLogHouse(engine);
      const log = await house.open();
      await log.checkpoint();
      const text = await house.file('log/key');
      const secret = text.trim().split('+').at(-1) as string;
      const key = SigningKey.parse({ reveal: () => text } as never) ?? assert.fail();
      for (const shown of [
        inspect(log, { depth: 9 }),
        inspect(key, { depth: 9, showHidden: true }),
        JSON.stringify(key),
      ])
        assert.ok(!shown.includes(secret) && !shown.includes('PRIVATE'), shown);
      assert.equal((await stat(house.folder.join('log/key'))).mode & 0o777, 0o600);

      const moved = { ...house.settings, publicUrl: 'https://elsewhere.example.org' };
      Object.assign(house.settings, moved);
      assert.equal(
        (await house.open()).origin,
        'registry.example.org/log',
        'another public URL changes nothing',
      );
      house.settings.checkpoint.origin = 'other.example.org/log';
      await assert.rejects(house.open(), /checkpoint\.origin is not the name/);
      house.settings.checkpoint.origin = 'registry.example.org/log';
      await house.open();

      await writeFile(
        house.folder.join('log/key'),
        SigningKey.create('registry.example.org/log').text.reveal(),
      );
      await assert.rejects(house.open(), /is not the one that signs this database/);
      await writeFile(house.folder.join('log/key'), 'nonsense');
      await assert.rejects(house.open(), /damaged/);
      await rm(house.folder.join('log/key'));
      await assert.rejects(house.open(), (error: unknown) => {
        assert.ok(error instanceof AppError && error.code === 'conflict');
        assert.match(error.message, /log\/key is missing.*Put it back from its backup/);
        return true;
      });
      await writeFile(house.folder.join('log/key'), text);
      assert.equal((await house.open()).vkey, log.vkey);
    });

    it('never contradicts what was published, whatever step the process ends at', async () => {
      for (const step of durableSteps.filter((name) => name.startsWith('checkpoint.'))) {
        await using house = await openLogHouse(engine);
        const log = await house.open();
        await log.checkpoint();
        const auditor = new Auditor(log.vkey);
        await auditor.visit(house, log);
        await house.add(40);
        house.clock.advanceMs(1_000);
        const dying = await house.open({ atStep: crashAt(step) });
        await assert.rejects(dying.checkpoint(), Crash);
        // Somebody may have seen what it had published.
        await auditor.visit(house, dying);
        await house.reopenDb();
        await house.add(3);
        house.clock.advanceMs(1_000);
        const after = await house.open();
        await auditor.visit(house, after);
        await after.checkpoint();
        assert.equal(await auditor.visit(house, after), 44, step);
        assert.deepEqual(await house.details('log.checkpoint.withhold'), []);
      }
    });

    it('finds a checkpoint that was stored although the answer was an error', async () => {
      await using house = await openLogHouse(engine);
      const log = await house.open({ db: losesAnswers(house.db, 2) });
      await assert.rejects(log.checkpoint(), Crash);
      assert.equal(log.published, undefined);
      await house.add(5);
      house.clock.advanceMs(1_000);
      await log.checkpoint();
      assert.equal(published(log).size, 6);
    });

    it('signs nothing on top of an edge or entries that were altered, and says so once', async () => {
      const alterations: ((house: LogHouse) => Promise<void>)[] = [
        (house) => house.byHand(...edgeChanged(engine, { hashes: new Uint8Array(32 * 2).fill(7) })),
        (house) => house.byHand(...edgeRemoved(engine)),
        ...(engine === 'sqlite'
          ? []
          : [(house: LogHouse) => house.byHand('UPDATE log_edge SET size = ?', [2])]),
        (house) => house.byHand('UPDATE event SET body = ? WHERE idx = ?', ['{"id":"forged"}', 11]),
      ];
      for (const alter of alterations) {
        await using house = await openLogHouse(engine);
        const log = await house.open();
        await house.add(9);
        await log.checkpoint();
        const before = published(log).note;
        await house.add(10);
        await alter(house);
        house.clock.advanceMs(1_000);
        await log.checkpoint();
        await log.checkpoint();
        await log.checkpoint();
        assert.equal(published(log).note, before);
        assert.equal(log.state().withheld.get('inconsistent'), 3);
        const told = await house.details('log.checkpoint.withhold');
        assert.deepEqual(
          told.map(({ why, signedSize, place }) => [why, signedSize, place]),
          [['inconsistent', 10, 'database']],
        );
        await assert.rejects(log.rotateKey(house.by), /withheld now \(inconsistent\)/);
      }
    });

    it('signs nothing while the clock stands before the last checkpoint, and goes on after', async () => {
      await using house = await openLogHouse(engine);
      const log = await house.open();
      await log.checkpoint();
      await house.add(1);
      house.clock.advanceMs(-60_000);
      await log.checkpoint();
      await log.checkpoint();
      assert.equal(published(log).size, 1);
      house.clock.advanceMs(120_000);
      await log.checkpoint();
      assert.equal(published(log).size, 3);
      assert.deepEqual(
        (await house.details('log.checkpoint.withhold')).map(({ why }) => why),
        ['time'],
      );
    });

    it('finds out by the data folder that the database alone was restored', async () => {
      await using house = await openLogHouse(engine);
      const log = await house.open();
      await house.add(300);
      await log.checkpoint();
      await house.add(300);
      house.clock.advanceMs(1_000);
      await log.checkpoint();
      await house.rollBack(301);
      const restored = await house.open();
      await house.add(10);
      await restored.checkpoint();
      assert.equal(published(restored).size, 301, 'what was signed before is served');
      const [told] = await house.details('log.checkpoint.withhold');
      assert.deepEqual(told, { why: 'rollback', size: 301, signedSize: 601, place: 'data_folder' });
    });

    for (const kind of ['folder', 'bucket'] as const) {
      it(`finds out by a copy in a ${kind} that everything was rolled back, or that another history was signed`, async () => {
        await using place = await openPlace(kind);
        await using house = await openLogHouse(engine, { copies: [place.url] });
        const log = await house.open();
        await house.add(300);
        await log.checkpoint();
        await log.tryWriteCopies();
        await house.add(300);
        house.clock.advanceMs(1_000);
        await log.checkpoint();
        await log.tryWriteCopies();
        assert.equal(log.state().copyFailures, 0);
        assert.equal(await place.read('registry.example.org/log/000/000/000/000/601'), published(log).note);

        await house.rollBack(301);
        await rm(house.folder.join('log/checkpoint'));
        const restored = await house.open();
        await restored.checkpoint();
        const details = async () => (await house.details('log.checkpoint.withhold')).at(-1);
        assert.deepEqual(await details(), { why: 'rollback', size: 301, signedSize: 601, place: 'copy' });

        // As many events again, others: only the history differs.
        await house.add(400);
        const forked = await house.open();
        await forked.checkpoint();
        assert.deepEqual(await details(), { why: 'fork', size: 702, signedSize: 601, place: 'copy' });
        assert.equal(published(forked).size, 301);
      });
    }

    it('withholds until every copy was looked at, and lets an absent one hold nothing else up', async () => {
      await using place = await openPlace('bucket');
      await using house = await openLogHouse(engine, { copies: [place.url] });
      place.server?.failNext('HEAD bucket', 'refused', 100);
      const log = await house.open();
      await log.checkpoint();
      await log.checkpoint();
      assert.deepEqual([log.published, log.state().withheld.get('unchecked')], [undefined, 2]);
      place.server?.endFaults();
      house.clock.advanceMs(11_000);
      await log.checkpoint();
      assert.equal(published(log).size, 2);
      place.server?.failNext('PUT', 'refused', 100);
      await log.tryWriteCopies();
      assert.equal(log.state().copyFailures, 1);
      await house.add(1);
      house.clock.advanceMs(1_000);
      await log.checkpoint();
      assert.equal(published(log).size, 3);
      place.server?.endFaults();
      await log.tryWriteCopies();
      assert.equal(await place.read('registry.example.org/log/000/000/000/000/003'), published(log).note);
    });

    it('signs no more when a copy of the same size is of another history', async () => {
      await using place = await openPlace('folder');
      await using house = await openLogHouse(engine, { copies: [place.url] });
      const log = await house.open();
      await log.checkpoint();
      await house.add(4);
      await log.checkpoint();
      await place.write('registry.example.org/log/000/000/000/000/005', 'something else\n5\n\n');
      await log.tryWriteCopies();
      await house.add(1);
      await log.checkpoint();
      assert.equal(published(log).size, 5);
      assert.deepEqual(
        (await house.details('log.checkpoint.withhold')).map(({ why, place: at }) => [why, at]),
        [['fork', 'copy']],
      );
    });

    it('rotates its key so that whoever has the old one can follow', async () => {
      await using house = await openLogHouse(engine);
      const log = await house.open();
      await log.checkpoint();
      const first = log.vkey;
      const auditor = new Auditor(first);
      await auditor.visit(house, log);
      for (let round = 0; round < 2; round++) {
        await house.add(300);
        house.clock.advanceMs(1_000);
        const before = log.vkey;
        const to = await log.rotateKey(house.by);
        assert.notEqual(to, before);
        const keys = [before, to].map((vkey) => parseVerifierKey(vkey, nodeSha256));
        const handover = openCheckpoint(published(log).note, { keys, ...cryptography });
        assert.equal(handover.signedBy.length, 2, 'both sign the handover');
        await auditor.visit(house, log);
        await house.add(1);
        house.clock.advanceMs(1_000);
        await log.checkpoint();
        const alone = openCheckpoint(published(log).note, { keys, ...cryptography });
        assert.deepEqual(alone.signedBy, [keys[1]]);
        await auditor.visit(house, log);
        assert.equal(await house.file('log/key.pub'), `${to}\n`);
      }
      assert.equal((await house.details('log.key.rotate')).length, 2);
      assert.equal(await new Auditor(first).visit(house, await house.open()), published(log).size);
    });

    it('completes a rotation that was broken off at any step', async () => {
      for (const step of keySteps) {
        await using house = await openLogHouse(engine);
        const log = await house.open();
        await log.checkpoint();
        const auditor = new Auditor(log.vkey);
        await auditor.visit(house, log);
        house.clock.advanceMs(1_000);
        const dying = await house.open({ atKeyStep: crashAt(step) });
        await assert.rejects(dying.rotateKey(house.by), Crash);
        await auditor.visit(house, dying);
        await house.reopenDb();
        house.clock.advanceMs(1_000);
        const after = await house.open();
        await house.add(5);
        await after.checkpoint();
        await auditor.visit(house, after);
        const changed = step !== 'key.written';
        assert.equal(after.vkey !== log.vkey, changed, step);
        house.clock.advanceMs(1_000);
        await after.rotateKey(house.by);
        await house.add(5);
        await after.checkpoint();
        await auditor.visit(house, after);
        assert.equal((await house.details('log.key.rotate')).length, changed ? 2 : 1, step);
        await assert.rejects(readFile(house.folder.join('log/key.next')), { code: 'ENOENT' });
      }
    });

    it('begins under another name after its key was lost, and not under one it had', async () => {
      await using house = await openLogHouse(engine);
      const log = await house.open();
      await house.add(10);
      await log.rotateKey(house.by);
      const { db, clock, settings } = house;
      const { keyPath } = settings.checkpoint;
      await rm(keyPath);
      await assert.rejects(house.open(), /is missing/);
      const parts = { db, clock, trail: new Trail({ db, clock }), server: () => house.by };
      const replace = (origin: string) => replaceKey({ ...parts, files: new KeyFiles(keyPath) }, origin);
      await assert.rejects(replace(log.origin), /is the name of the log that was/);
      await replace('registry.example.org/log-2');
      house.clock.advanceMs(1_000);
      const after = await house.open();
      assert.deepEqual([after.origin, await after.rotations()], ['registry.example.org/log-2', []]);
      await after.checkpoint();
      await house.add(5);
      house.clock.advanceMs(1_000);
      await after.checkpoint();
      await new Auditor(after.vkey).visit(house, after);
      // A key that is there, but in other hands, is put aside.
      await replace('registry.example.org/log-3');
      const third = await house.open();
      assert.equal(third.origin, 'registry.example.org/log-3');
      await third.checkpoint();
      assert.deepEqual(
        (await house.details('log.key.create')).map(({ origin }) => origin),
        ['registry.example.org/log', 'registry.example.org/log-2', 'registry.example.org/log-3'],
      );
      assert.deepEqual(await house.details('log.checkpoint.withhold'), []);

      // A new log is over what is left, whatever the one before had signed.
      await house.byHand('UPDATE event SET body = ? WHERE idx = ?', ['{"id":"forged"}', 14]);
      await house.add(1);
      house.clock.advanceMs(-3_600_000);
      await rebuildEdge(house);
      await house.reopenDb();
      const altered = await house.open();
      await altered.checkpoint();
      assert.equal(altered.state().withholding, 'fork');
      await replaceKey(
        { ...parts, db: house.db, trail: new Trail({ db: house.db, clock }), files: new KeyFiles(keyPath) },
        'registry.example.org/log-4',
      );
      const fresh = await house.open();
      assert.equal(fresh.published, undefined);
      await fresh.checkpoint();
      await new Auditor(fresh.vkey).visit(house, fresh);
    });

    it('waits for a clock that was set back a little', async () => {
      await using house = await openLogHouse(engine);
      const log = await house.open();
      await log.checkpoint();
      await house.add(1);
      house.clock.advanceMs(-2_000);
      await log.checkpoint();
      assert.equal(published(log).size, 1);
      house.clock.advanceMs(2_000);
      await log.checkpoint();
      assert.equal(published(log).size, 2);
      assert.deepEqual(await house.details('log.checkpoint.withhold'), []);
    });

    it('thins old checkpoints to one an hour and keeps those of the last day', async () => {
      await using house = await openLogHouse(engine);
      const log = await house.open();
      for (let minute = 0; minute < 60 * 30; minute += 20) {
        await house.add(1);
        house.clock.advanceMs(20 * 60_000);
        await log.checkpoint();
      }
      const times = async () =>
        (
          await house.db.read.q.selectFrom('log_checkpoint').select('signed_at').orderBy('size').execute()
        ).map((row) => row.signed_at / 3_600_000_000);
      const all = await times();
      await log.thin();
      await log.thin();
      const left = await times();
      const dayAgo = house.clock.nowUs() / 3_600_000_000 - 24;
      assert.deepEqual(
        left.filter((at) => at >= dayAgo),
        all.filter((at) => at >= dayAgo),
      );
      const hours = all.filter((at) => at < dayAgo).map(Math.floor);
      assert.deepEqual(left.filter((at) => at < dayAgo).map(Math.floor), [...new Set(hours)]);
      assert.ok(hours.length > 3);
    });
  });
}

/** What somebody does who altered an event and knows that the tree has to fit. */
async function rebuildEdge({ db, byHand }: LogHouse): Promise<void> {
  const rows = await db.read.q.selectFrom('event').select('body').orderBy('idx').execute();
  const leaves = rows.map(({ body }) => leafHash(Buffer.from(body), nodeSha256));
  const hashes = rangeNodes(0, leaves.length).map(({ level, index }) =>
    rootOfPerfect(Buffer.concat(leaves.slice(index * 2 ** level, (index + 1) * 2 ** level)), nodeSha256),
  );
  await byHand(...edgeChanged(db.engine, { size: leaves.length, hashes: Buffer.concat(hashes) }));
}

type Place = AsyncDisposable & {
  url: string;
  server?: S3TestServer;
  read(name: string): Promise<string | undefined>;
  write(name: string, text: string): Promise<void>;
};

async function openPlace(kind: 'folder' | 'bucket'): Promise<Place> {
  return kind === 'folder' ? openFolder() : openBucket();
}

async function openFolder(): Promise<Place> {
  const folder = await createTempFolder('copies');
  return {
    url: folder.path,
    read: (name) => readFile(folder.join(name), 'utf8'),
    async write(name, text) {
      await mkdir(dirname(folder.join(name)), { recursive: true });
      await writeFile(folder.join(name), text);
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

async function openBucket(): Promise<Place> {
  process.env.AWS_ACCESS_KEY_ID = 'test';
  process.env.AWS_SECRET_ACCESS_KEY = 'test';
  const server = new S3TestServer('copies');
  const endpoint = await server.listen();
  return {
    url: `s3://copies/witness?endpoint=${endpoint}&region=test&forcePathStyle=true`,
    server,
    read: async (name) => server.objects.get(`witness/${name}`)?.bytes.toString(),
    async write(name, text) {
      server.objects.set(`witness/${name}`, { bytes: Buffer.from(text), modified: new Date(0) });
    },
    [Symbol.asyncDispose]: () => server.close(),
  };
}
