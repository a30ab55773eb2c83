/** What rows of the registry say of each other, of blobs and of the log, and every way in which it can be wrong. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pushImage, smallImage } from '../../../tests/support/registry-client.ts';
import { startTestServer, type TestServer, testEngines } from '../../../tests/support/server.ts';
import { createWire } from '../../../tests/support/wire.ts';
import type { DatabaseLocation } from '../db/open.ts';
import { openDb } from '../db/open.ts';
import { statement } from '../db/statement.ts';
import type { Db } from '../db/store.ts';
import { systemClock } from '../stdx/clock.ts';
import { runFsck } from './fsck.ts';

for (const { engine, skip } of testEngines()) {
  describe(`fsck of references and blobs on ${engine}`, { skip }, () => {
    let server: TestServer;
    let db: Db;
    let location: DatabaseLocation;
    before(async () => {
      server = await startTestServer({ engine });
      using wire = createWire(server.url);
      const as = { authorization: server.adminAuth.basic };
      for (const tag of ['v1', 'v2'])
        await pushImage(wire, { project: `${server.adminAuth.username}/app`, tag, image: smallImage() }, as);
      await server.stop();
      location =
        engine === 'sqlite'
          ? { engine, path: join(server.dataDir, 'tallyman.db') }
          : { engine, url: server.databaseUrl ?? '' };
      db = await openDb(location);
    });
    after(async () => {
      await db.close();
      await server[Symbol.asyncDispose]();
    });

    const run = (sql: string) => db.transact((tx) => tx.run(statement(sql)));
    const look = async (deep = false) => {
      const place = { location, dataDir: server.dataDir, blobsUrl: undefined, heads: [] };
      const only = ['references', 'blobs'] as const;
      return (await runFsck(place, { clock: systemClock(), only, deep })).findings.map(({ what }) => what);
    };
    /** Changes one table by hand, looks, and puts it back. */
    const damaged = async (table: string, ...changes: string[]): Promise<string[]> => {
      await run(`CREATE TABLE kept AS SELECT * FROM ${table}`);
      try {
        for (const sql of changes) await run(sql);
        return [...new Set(await look())];
      } finally {
        await run(`DELETE FROM ${table}`);
        await run(`INSERT INTO ${table} SELECT * FROM kept`);
        await run('DROP TABLE kept');
      }
    };

    it('finds nothing where nothing was done', async () => {
      assert.deepEqual(await look(true), []);
    });

    const first = (table: string, column: string) => `(SELECT min(${column}) FROM ${table})`;
    const cases: [string, string, string[]][] = [
      ['tag', `UPDATE tag SET digest = 'sha256:x' WHERE name = 'v1'`, ['tag_dangling', 'event_differs']],
      [
        'tag',
        `UPDATE tag SET digest = (SELECT digest FROM tag WHERE name = 'v2') WHERE name = 'v1'`,
        ['event_differs'],
      ],
      ['tag', `UPDATE tag SET event_id = '0193aaaa-0000-7000-8000-000000000000'`, ['event_unknown']],
      ['tag', `UPDATE tag SET event_id = 'nothing'`, ['event_unknown']],
      ['tag', `UPDATE tag SET lock_event_id = '0193aaaa-0000-7000-8000-000000000000'`, ['event_unknown']],
      ['manifest', `UPDATE manifest SET event_id = (SELECT min(event_id) FROM tag)`, ['event_differs']],
      ['manifest', `UPDATE manifest SET media_type = 'text/html'`, ['manifest_changed']],
      ['manifest', `UPDATE manifest SET size_bytes = size_bytes + 1`, ['manifest_changed']],
      ['manifest', `DELETE FROM manifest WHERE digest = ${first('manifest', 'digest')}`, ['tag_dangling']],
      [
        'manifest_reference',
        `DELETE FROM manifest_reference WHERE child_digest = ${first('manifest_reference', 'child_digest')}`,
        ['reference_missing'],
      ],
      [
        'manifest_reference',
        `UPDATE manifest_reference SET child_digest = 'sha256:x' WHERE child_digest = ${first('manifest_reference', 'child_digest')}`,
        ['reference_extra', 'reference_missing'],
      ],
      [
        'container_blob',
        `DELETE FROM container_blob WHERE digest = ${first('container_blob', 'digest')}`,
        ['content_missing'],
      ],
      ['blob', `DELETE FROM blob WHERE digest = ${first('blob', 'digest')}`, ['link_dangling', 'blob_stray']],
      [
        'blob',
        `UPDATE blob SET size_bytes = size_bytes + 1 WHERE digest = ${first('blob', 'digest')}`,
        ['blob_size'],
      ],
      [
        'blob',
        `INSERT INTO blob (digest, size_bytes, created_at, touched_at) VALUES ('sha256:${'0'.repeat(64)}', 1, 0, 0)`,
        ['blob_missing'],
      ],
    ];
    for (const [table, change, says] of cases) {
      it(`names what was done by ${change}`, async () => {
        assert.deepEqual((await damaged(table, change)).sort(), [...says].sort());
      });
    }

    // Last: it damages files.
    it('names content that was changed, cut or taken away', async () => {
      const folder = join(server.dataDir, 'blobs/sha256');
      const [one = '', other = ''] = (await readdir(folder, { recursive: true })).filter((name) =>
        name.includes('/'),
      );
      const size = (
        await db.read.q
          .selectFrom('blob')
          .select('size_bytes')
          .where('digest', '=', `sha256:${one.slice(3)}`)
          .executeTakeFirstOrThrow()
      ).size_bytes;
      await writeFile(join(folder, one), randomBytes(size));
      assert.deepEqual(await look(), [], 'the size is right');
      assert.deepEqual(await look(true), ['blob_changed']);
      await truncate(join(folder, one), 1);
      assert.deepEqual(await look(), ['blob_size']);
      await rm(join(folder, other));
      assert.deepEqual((await look()).sort(), ['blob_missing', 'blob_size']);
    });

    it('finds events by their time where the search index does not help', async () => {
      if (location.engine === 'sqlite') {
        for (const suffix of ['', '-wal', '-shm'])
          await rm(join(server.dataDir, `search.db${suffix}`), { force: true });
      } else await run('DELETE FROM search_event');
      const found = await look();
      assert.ok(!found.includes('event_unknown'), String(found));
      assert.ok(
        (await damaged('tag', `UPDATE tag SET event_id = '0193aaaa-0000-7000-8000-000000000000'`)).includes(
          'event_unknown',
        ),
      );
    });
  });
}
