/** Visits to one log beside each other: as if one came after the other, whichever is overtaken. */
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { encodeUtf8, type HashTile, parseTilePath } from '@tallyman/verifier';
import { createTempFolder } from '../../../../tests/support/temp-folder.ts';
import {
  logKey,
  MemoryLog,
  origin,
  sealedEvent,
  signedAtSec,
} from '../../../../verifier/src/log/log.fixture.ts';
import { tryLockFile } from '../../db/folder-lock.ts';
import { KeptLog } from './kept-log.ts';
import type { LogSource } from './log-source.ts';
import { type Auditor, auditSource } from './subjects.ts';

const key = logKey('first', origin);
const right = new MemoryLog();
for (let number = 0; number < 700; number++) right.add(sealedEvent(number).body);

function serve(log: MemoryLog, before: (path: string) => Promise<unknown> = async () => {}): LogSource {
  return {
    name: 'test',
    read: async (path) => {
      await before(path);
      if (path === 'checkpoint') return encodeUtf8(log.checkpoint(key.signers));
      return path === 'rotations' ? new Uint8Array() : log.tile(parseTilePath(path) as HashTile);
    },
    close: async () => {},
  };
}

function auditorIn(stateDir: string): Auditor {
  return { vkey: key.vkey, stateDir, nowSec: signedAtSec, keepLevel: 1, checkpoints: [] };
}

/** Runs `work` the first time that a tile is read: between what a visit reads and what it keeps. */
function within(log: MemoryLog, work: () => Promise<unknown>): LogSource {
  let done = false;
  return serve(log, async (path) => {
    if (done || !path.startsWith('tile/')) return;
    done = true;
    await work();
  });
}

test('a visit that another overtook is made again, and compares with what that one kept', async () => {
  await using folder = await createTempFolder('visits');
  const auditor = auditorIn(folder.path);
  const overtaken = within(right, () => auditSource(serve(right.cut(500)), auditor));
  const { verdict, kept } = await auditSource(overtaken, auditor);
  assert.deepEqual(
    [verdict.verdict, 'kept' in verdict && verdict.kept?.size, verdict.verdict],
    ['accepted', 500, 'accepted'],
  );
  assert.equal(String(await kept.readHead()), right.checkpoint(key.signers));
});

test('a visit that saw less than the one that overtook it tells of a rollback and keeps nothing', async () => {
  await using folder = await createTempFolder('visits');
  const auditor = auditorIn(folder.path);
  const overtaken = within(right.cut(300), () => auditSource(serve(right), auditor));
  const { verdict, kept } = await auditSource(overtaken, auditor);
  assert.equal(verdict.verdict, 'rollback');
  assert.equal(String(await kept.readHead()), right.checkpoint(key.signers));
  assert.deepEqual(await readdir(join(kept.folder, 'rollbacks')), [
    `700-300-${Buffer.from(right.cut(300).root()).toString('hex').slice(0, 16)}`,
  ]);
});

test('one that is always overtaken gives up', async () => {
  await using folder = await createTempFolder('visits');
  const auditor = auditorIn(folder.path);
  let size = 1;
  const source = serve(right, async (path) => {
    if (path.startsWith('tile/')) await auditSource(serve(right.cut(size++)), auditor);
  });
  await assert.rejects(auditSource(source, auditor), /kept overtaking/);
});

test('twenty at once keep one of the states they saw', async () => {
  await using folder = await createTempFolder('visits');
  const auditor = auditorIn(folder.path);
  const visits = Array.from({ length: 20 }, () => auditSource(serve(right), auditor));
  const verdicts = (await Promise.all(visits)).map(({ verdict }) => verdict.verdict);
  assert.equal(verdicts.filter((verdict) => verdict === 'first').length, 1);
  assert.ok(verdicts.every((verdict) => verdict === 'first' || verdict === 'unchanged'));
});

test('what another process is writing is left to it', async () => {
  await using folder = await createTempFolder('visits');
  const auditor = auditorIn(folder.path);
  const { kept } = await auditSource(serve(right.cut(500)), auditor);
  const lock = tryLockFile(join(kept.folder, 'lock'));
  assert.ok(lock);
  const later = new KeptLog(folder.path, origin, { longestWriteMs: 10 });
  const continuation = { verdict: 'accepted', keep: [], drop: ['checkpoint'] } as never;
  await assert.rejects(later.keep(continuation, { vkey: key.vkey, before: await later.readHead() }), {
    code: 'conflict',
    message: /Another visit has been writing to .* for 0\.01 seconds/,
  });
  lock.release();
  assert.equal(String(await later.readHead()), right.checkpoint(key.signers, { size: 500 }));
});
