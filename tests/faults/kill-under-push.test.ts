/**
 * Killed under load a dozen times, on each database: what was acknowledged is there, no change is without its event and
 * no event without its change. `kill-under-push.long.ts` does it for hours.
 */
import assert from 'node:assert/strict';
import { appendFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { openDb } from '../../server/src/db/open.ts';
import { requireSound } from '../support/durable-state.ts';
import { pushImage, smallImage } from '../support/registry-client.ts';
import { startTestServer, testEngines } from '../support/server.ts';
import { createWire } from '../support/wire.ts';
import { killUnderPush } from './killing.ts';

for (const { engine, skip } of testEngines()) {
  test(`kill -9 under push load loses nothing and invents nothing, on ${engine}`, { skip }, async () => {
    await killUnderPush({ engine, kills: 12 });
  });
}

test('the check sees a change without its event, and an event that is gone', async () => {
  await using server = await startTestServer();
  using wire = createWire(server.url);
  const as = { authorization: server.adminAuth.basic };
  await pushImage(wire, { project: `${server.adminAuth.username}/app`, tag: 'v1', image: smallImage() }, as);
  await server.stop();
  await requireSound(server);
  const database = { engine: 'sqlite', path: join(server.dataDir, 'tallyman.db') } as const;
  const change = async (
    unit: Parameters<Awaited<ReturnType<typeof openDb>>['transact']>[0],
  ): Promise<void> => {
    const db = await openDb(database);
    await db.transact(unit);
    await db.close();
  };
  await change((tx) => tx.q.updateTable('tag').set({ name: 'v2' }).execute());
  await assert.rejects(requireSound(server), /tags, with the events/);
  await change((tx) => tx.q.updateTable('tag').set({ name: 'v1' }).execute());
  await change((tx) => tx.q.deleteFrom('event').where('idx', '=', 1).execute());
  await assert.rejects(requireSound(server), /edge of the log/);
});

test('a blob that is not whole is seen', async () => {
  await using server = await startTestServer();
  using wire = createWire(server.url);
  const as = { authorization: server.adminAuth.basic };
  await pushImage(wire, { project: `${server.adminAuth.username}/app`, tag: 'v1', image: smallImage() }, as);
  await server.stop();
  const folder = join(server.dataDir, 'blobs/sha256');
  const [blob] = (await readdir(folder, { recursive: true })).filter((name) => name.includes('/'));
  await appendFile(join(folder, blob ?? ''), 'x');
  await assert.rejects(requireSound(server), /visible and not whole/);
});
