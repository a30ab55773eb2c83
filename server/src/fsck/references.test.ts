/** What rows of the registry say of each other, of blobs and of the log, and every way in which it can be wrong. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createManagement } from '../../../tests/support/management.ts';
import { pushImage, smallImage } from '../../../tests/support/registry-client.ts';
import { startTestServer, type TestServer, testEngines } from '../../../tests/support/server.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { createWire, type Wire } from '../../../tests/support/wire.ts';
import type { DatabaseLocation } from '../db/open.ts';
import { openDb } from '../db/open.ts';
import { statement } from '../db/statement.ts';
import type { Db } from '../db/store.ts';
import { systemClock } from '../stdx/clock.ts';
import { runFsck } from './fsck.ts';

/** One tag locked by a run, one born locked, one by hand, one unlocked; and one that moved, was deleted and came back. */
async function lockSome(server: TestServer, wire: Wire): Promise<void> {
  const admin = createManagement(wire, server.adminAuth.basic);
  const project = `/projects/container/${encodeURIComponent(`${server.adminAuth.username}/app`)}`;
  const point = async (tag: string, from: string) => {
    const { digest } = await admin.call('GET', `${project}/tags/${from}`);
    await admin.call('PUT', `${project}/tags/${tag}`, { digest });
  };
  await point('run', 'v1');
  const policies = `${project}/immutability-policies`;
  for (const pattern of ['run', 'born']) {
    const { id } = await admin.call('POST', policies, { pattern });
    await waitFor('the run', async () => {
      const { run } = (await admin.call('GET', `${policies}/${String(id)}`)) as unknown as {
        run: { state: string };
      };
      return run.state === 'done';
    });
  }
  for (const tag of ['born', 'hand', 'once']) await point(tag, 'v1');
  for (const tag of ['hand', 'once']) await admin.call('POST', `${project}/tags/${tag}/lock`, {});
  await admin.call('POST', `${project}/tags/once/unlock`, { reason: 'no longer' });
  await point('moved', 'v1');
  await point('moved', 'v2');
  await admin.call('DELETE', `${project}/tags/moved`);
  await point('moved', 'v1');
}

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
      await lockSome(server, wire);
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

    it('takes a clock that was set back between two starts for no loss of a state', async () => {
      const swapped = [
        `UPDATE tag_history SET from_at = from_at + 1000000000 WHERE name = 'moved' AND to_at IS NOT NULL`,
      ];
      assert.deepEqual(await damaged('tag_history', ...swapped), []);
    });

    const first = (table: string, column: string) => `(SELECT min(${column}) FROM ${table})`;
    const unlocked = ['trigger', 'event_id', 'policy_id', 'policy_version', 'actor_id']
      .map((column) => `lock_${column} = NULL`)
      .concat('locked_at = NULL')
      .join(', ');
    const cases: [string, string, string[]][] = [
      ['tag', `UPDATE tag SET digest = 'sha256:x' WHERE name = 'v1'`, ['tag_dangling', 'event_differs']],
      [
        'tag',
        `UPDATE tag SET digest = (SELECT digest FROM tag WHERE name = 'v2') WHERE name = 'v1'`,
        ['event_differs'],
      ],
      [
        'tag',
        `UPDATE tag SET event_id = '0193aaaa-0000-7000-8000-000000000000' WHERE name = 'v1'`,
        ['event_unknown', 'history_differs'],
      ],
      ['tag', `UPDATE tag SET event_id = 'nothing'`, ['event_unknown', 'history_differs']],
      [
        'tag',
        `UPDATE tag SET lock_event_id = '0193aaaa-0000-7000-8000-000000000000' WHERE name = 'run'`,
        ['event_unknown'],
      ],
      ['tag', `UPDATE tag SET lock_event_id = event_id WHERE name = 'run'`, ['event_differs']],
      ['tag', `UPDATE tag SET unlock_event_id = event_id WHERE name = 'once'`, ['event_differs']],
      ['tag', `UPDATE tag SET locked_at = 1 WHERE name = 'v1'`, ['lock_malformed']],
      ['tag', `UPDATE tag SET expires_at = 1 WHERE name = 'hand'`, ['lock_malformed']],
      [
        'tag',
        `UPDATE tag SET lock_trigger = 'manual', lock_policy_id = NULL, lock_policy_version = NULL WHERE name = 'run'`,
        ['event_differs'],
      ],
      [
        'tag',
        `UPDATE tag SET lock_policy_id = (SELECT id FROM immutability_policy WHERE pattern = 'born') WHERE name = 'run'`,
        ['event_differs'],
      ],
      [
        'tag',
        `UPDATE tag SET lock_policy_version = 9 WHERE name = 'run'`,
        ['event_differs', 'policy_missing'],
      ],
      ['tag', `UPDATE tag SET ${unlocked} WHERE name = 'born'`, ['lock_missing']],
      ['immutability_policy', `UPDATE immutability_policy SET pattern = pattern || 'x'`, ['policy_differs']],
      ['immutability_policy', `UPDATE immutability_policy SET deleted_at = 1`, ['policy_differs']],
      [
        'immutability_policy_version',
        `UPDATE immutability_policy_version SET pattern = pattern || 'x'`,
        ['event_differs', 'policy_differs'],
      ],
      [
        'immutability_policy_version',
        `DELETE FROM immutability_policy_version WHERE pattern = 'run'`,
        ['policy_differs', 'policy_missing'],
      ],
      [
        'immutability_policy_version',
        `UPDATE immutability_policy_version SET version = 2`,
        ['event_differs', 'policy_differs', 'policy_missing'],
      ],
      [
        'immutability_run',
        `UPDATE immutability_run SET event_id = (SELECT min(event_id) FROM tag)`,
        ['event_differs'],
      ],
      [
        'tag_history',
        `UPDATE tag_history SET digest = (SELECT digest FROM tag WHERE name = 'v2') WHERE name = 'v1'`,
        ['event_differs'],
      ],
      ['tag_history', `DELETE FROM tag_history WHERE name = 'v1'`, ['history_differs']],
      [
        'tag_history',
        `DELETE FROM tag_history WHERE name = 'moved' AND digest = (SELECT digest FROM tag WHERE name = 'v2')`,
        ['history_differs'],
      ],
      [
        'tag_history',
        `UPDATE tag_history SET to_event_id = from_event_id WHERE name = 'moved' AND to_at IS NOT NULL`,
        ['event_differs'],
      ],
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
