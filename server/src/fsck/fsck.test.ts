/** Whatever is changed by hand in the log is named, with its index or the range it lies in; on both engines. */
import assert from 'node:assert/strict';
import { createHash, hash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { formatVerifierKey } from '@tallyman/verifier';
import { edgeChanged, edgeRemoved } from '../../../tests/support/log-edge.ts';
import { postgresSkip } from '../../../tests/support/postgres.ts';
import { createSeededRandom } from '../../../tests/support/seeded-random.ts';
import { sealDraft } from '../trail/seal.ts';
import type { Finding } from './findings.ts';
import { makeLogKey, openWorld, plainDrafts, systemDraft, type World } from './fsck-world.fixture.ts';

for (const { engine, skip } of [
  { engine: 'sqlite', skip: false },
  { engine: 'postgres', skip: postgresSkip() },
] as const) {
  describe(`fsck of the log on ${engine}`, { skip }, () => {
    let world: World;
    before(async () => {
      world = await openWorld(engine);
      const key = formatVerifierKey(world.key.key);
      await world.append([systemDraft('log.key.create', { origin: 'log.test', key })]);
      const random = createSeededRandom(3);
      for (let batch = 0; batch < 10; batch++) {
        await world.append(plainDrafts(70, random));
        world.clock.advanceMs(1_000);
        await world.signHead();
      }
    });
    after(() => world[Symbol.asyncDispose]());

    /** In a full tile, and in the last one, which is none yet. */
    const [tiled, tail, last] = [100, 600, 700];
    const whats = (findings: readonly Finding[]) => new Set(findings.map(({ what }) => what));
    const named = (findings: readonly Finding[], what: string): (number | undefined)[] =>
      findings.filter((finding) => finding.what === what).map(({ index }) => index);
    const bodyAt = async (index: number): Promise<string> =>
      (
        await world.db.read.q
          .selectFrom('event')
          .select('body')
          .where('idx', '=', index)
          .executeTakeFirstOrThrow()
      ).body;
    const setBody = (index: number, body: string) =>
      world.run('UPDATE event SET body = ? WHERE idx = ?', [body, index]);
    const otherOutcome = (body: string): string =>
      body.includes('"outcome":"failed"')
        ? body.replace('"outcome":"failed"', '"outcome":"denied"')
        : body.replace(/"outcome":"\w+"/, '"outcome":"failed"');
    const renumber = async (by: 1 | -1, from: number) => {
      for (const table of ['event', 'event_private']) {
        await world.run(`UPDATE ${table} SET idx = -idx - ${1_000 + by} WHERE idx >= ${from}`);
        await world.run(`UPDATE ${table} SET idx = -idx - 1000 WHERE idx < 0`);
      }
    };

    it('finds nothing where nothing was done', async () => {
      const report = await world.fsck(['events', 'tree']);
      assert.deepEqual(report.findings, []);
      assert.equal(report.events, 701);
    });

    it('names a changed body', async () => {
      const inTile = await world.damaged(async () => setBody(tiled, otherOutcome(await bodyAt(tiled))));
      assert.deepEqual(named(inTile, 'leaf_differs'), [tiled]);
      assert.deepEqual(whats(inTile), new Set(['leaf_differs']), 'and nothing besides');
      const inTail = await world.damaged(async () => setBody(tail, otherOutcome(await bodyAt(tail))));
      const [head] = inTail.filter(({ what }) => what === 'checkpoint_contradicted');
      assert.match(head?.message ?? '', /size 631 .* events 561 to 630/);
      assert.deepEqual(named(inTail, 'edge_differs'), [512]);
    });

    it('names a body that is no event', async () => {
      const found = await world.damaged(() => setBody(tiled, '{"not":"an event"}'));
      assert.deepEqual(named(found, 'body_malformed'), [tiled]);
    });

    it('names a deleted event, wherever it was', async () => {
      for (const index of [0, tiled, tail, last]) {
        const found = await world.damaged(async () => {
          await world.run('DELETE FROM event WHERE idx = ?', [index]);
          await world.run('DELETE FROM event_private WHERE idx = ?', [index]);
        });
        // On SQLite the edge goes with the last event.
        const what = engine === 'sqlite' && index === last ? 'edge_missing' : 'body_missing';
        assert.deepEqual(named(found, what), [index]);
      }
      const many = await world.damaged(() => world.run('DELETE FROM event WHERE idx BETWEEN 90 AND 110'));
      assert.match(many.find(({ what }) => what === 'body_missing')?.message ?? '', /90 to 110/);
    });

    it('names the place from which on everything was moved to close a gap', async () => {
      const found = await world.damaged(async () => {
        await world.run('DELETE FROM event WHERE idx = ?', [tiled]);
        await world.run('DELETE FROM event_private WHERE idx = ?', [tiled]);
        await renumber(-1, tiled + 1);
      });
      assert.equal(named(found, 'leaf_differs')[0], tiled);
      if (engine === 'sqlite') assert.ok(whats(found).has('edge_malformed'));
      else assert.deepEqual(named(found, 'body_missing'), [last]);
    });

    it('names an inserted event, at the end and in the middle', async () => {
      const sealed = sealDraft(plainDrafts(1, createSeededRandom(9))[0]!, world.clock);
      const insert = async (index: number) => {
        await world.run('INSERT INTO event (idx, body) VALUES (?, ?)', [index, sealed.body]);
        await world.run('INSERT INTO event_private (idx, fields) VALUES (?, ?)', [index, sealed.private]);
      };
      assert.deepEqual(named(await world.damaged(() => insert(last + 1)), 'beyond_tree'), [last + 1]);
      const middle = await world.damaged(async () => {
        await renumber(1, tiled);
        await insert(tiled);
      });
      assert.equal(named(middle, 'leaf_differs')[0], tiled);
      if (engine === 'sqlite') assert.ok(whats(middle).has('edge_differs'));
      else assert.deepEqual(named(middle, 'beyond_tree'), [last + 1]);
      const far = await world.damaged(() => insert(2 ** 50));
      assert.deepEqual(named(far, 'beyond_tree'), [last + 1]);
    });

    it('names swapped events, with and without their private rows', async () => {
      const swap = async (tables: readonly string[]) => {
        for (const table of tables) {
          await world.run(`UPDATE ${table} SET idx = -1 WHERE idx = ${tiled}`);
          await world.run(`UPDATE ${table} SET idx = ${tiled} WHERE idx = ${tiled + 1}`);
          await world.run(`UPDATE ${table} SET idx = ${tiled + 1} WHERE idx = -1`);
        }
      };
      const whole = await world.damaged(() => swap(['event', 'event_private']));
      assert.deepEqual(named(whole, 'leaf_differs'), [tiled, tiled + 1]);
      const bodies = await world.damaged(() => swap(['event_private']));
      const wrong = new Set([
        ...named(bodies, 'private_row_wrong'),
        ...named(bodies, 'private_entry_missing'),
      ]);
      assert.deepEqual(wrong, new Set([tiled, tiled + 1]));
    });

    it('names a backdated event: changed in place, or recorded with an older time', async () => {
      const inPlace = await world.damaged(async () => {
        const body = await bodyAt(tiled);
        await setBody(tiled, body.replace(/"recordedAt":"\d{4}/, '"recordedAt":"2019'));
      });
      assert.deepEqual(named(inPlace, 'id_and_time_differ'), [tiled]);
      assert.deepEqual(named(inPlace, 'leaf_differs'), [tiled]);
      const old = { ...world.clock, nowUs: () => world.clock.nowUs() - 3_600_000_000 };
      const sealed = sealDraft(plainDrafts(1, createSeededRandom(4))[0]!, old);
      const found = await world.damaged(async () => {
        await world.run('INSERT INTO event (idx, body) VALUES (?, ?)', [last + 1, sealed.body]);
        await world.run('INSERT INTO event_private (idx, fields) VALUES (?, ?)', [last + 1, sealed.private]);
      });
      assert.deepEqual(named(found, 'backdated'), [last + 1]);
    });

    it('names an event of the future and an id that is there twice', async () => {
      const body = await bodyAt(tail);
      const twice = await world.damaged(() => setBody(tail + 1, body));
      assert.deepEqual(named(twice, 'id_repeated'), [tail + 1]);
      const ahead = { ...world.clock, nowUs: () => world.clock.nowUs() + 3_600_000_000 };
      const sealed = sealDraft(plainDrafts(1, createSeededRandom(4))[0]!, ahead);
      assert.deepEqual(named(await world.damaged(() => setBody(tail, sealed.body)), 'time_ahead'), [tail]);
    });

    it('names what is wrong with private rows', async () => {
      const { idx, fields } = await world.db.read.q
        .selectFrom('event_private')
        .selectAll()
        .where('idx', '>', tail)
        .where('fields', 'like', '%/request/ip%')
        .orderBy('idx')
        .limit(1)
        .executeTakeFirstOrThrow();
      const without = JSON.parse(fields) as Record<string, unknown>;
      delete without['/request/ip'];
      const set = (text: string) =>
        world.run('UPDATE event_private SET fields = ? WHERE idx = ?', [text, idx]);
      const gone = await world.damaged(() => world.run('DELETE FROM event_private WHERE idx = ?', [idx]));
      assert.deepEqual(named(gone, 'private_row_missing'), [idx]);
      const less = await world.damaged(() => set(JSON.stringify(without)));
      assert.deepEqual(named(less, 'private_entry_missing'), [idx]);
      const other = await world.damaged(() =>
        set(
          fields.replace(
            /("\/request\/ip":\[")(.)/,
            (_all, before, salt) => before + (salt === 'A' ? 'B' : 'A'),
          ),
        ),
      );
      assert.deepEqual(named(other, 'private_row_wrong'), [idx]);
      assert.match(other[0]?.message ?? '', /request\/ip/);
    });

    it('names changed, missing and invented tiles, and tells them from changed bodies', async () => {
      const tile = await world.db.read.q
        .selectFrom('log_tile')
        .select('hashes')
        .where('level', '=', 0)
        .where('n', '=', 1)
        .executeTakeFirstOrThrow();
      const flipped = Buffer.from(tile.hashes);
      flipped[32 * 7] = (flipped[32 * 7] as number) ^ 1;
      const changed = await world.damaged(() =>
        world.run('UPDATE log_tile SET hashes = ? WHERE n = 1', [flipped]),
      );
      assert.deepEqual(named(changed, 'leaf_differs'), [256 + 7]);
      assert.ok(whats(changed).has('tile_changed'), 'heads and edge speak for the bodies');
      const missing = await world.damaged(() => world.run('DELETE FROM log_tile WHERE n = 1'));
      assert.deepEqual([...whats(missing)], ['tile_missing']);
      const short = await world.damaged(() =>
        world.run('UPDATE log_tile SET hashes = ? WHERE n = 1', [flipped.subarray(0, 100)]),
      );
      assert.ok(whats(short).has('tile_malformed'));
      const invented = await world.damaged(() =>
        world.run('INSERT INTO log_tile (level, n, hashes) VALUES (1, 0, ?)', [flipped]),
      );
      assert.deepEqual([...whats(invented)], ['tile_beyond']);
    });

    it('names an edge that is changed, too short or gone', async () => {
      const set = (hashes: Uint8Array) => world.run(...edgeChanged(engine, { hashes }));
      const { hashes } = await world.db.read.q
        .selectFrom('log_edge')
        .select('hashes')
        .executeTakeFirstOrThrow();
      const flipped = Buffer.from(hashes);
      flipped[40] = (flipped[40] as number) ^ 1;
      assert.deepEqual(named(await world.damaged(() => set(flipped)), 'edge_differs'), [512]);
      assert.ok(whats(await world.damaged(() => set(flipped.subarray(32)))).has('edge_malformed'));
      assert.ok(whats(await world.damaged(() => world.run(...edgeRemoved(engine)))).has('edge_missing'));
      // Its size is where the events end on SQLite.
      if (engine === 'sqlite') return;
      const longer = await world.damaged(() => world.run('UPDATE log_edge SET size = ?', [2 ** 50]));
      assert.equal(named(longer, 'body_missing')[0], 701);
    });

    it('names heads that nobody signed, that were changed, and a log that ends before one', async () => {
      const stranger = await world.damaged(() => world.signHead(makeLogKey()));
      assert.deepEqual([...whats(stranger)], ['checkpoint_not_signed']);
      const changed = await world.damaged(() =>
        world.run(`UPDATE log_checkpoint SET note = replace(note, 'log.test', 'log.fake')`),
      );
      assert.equal(changed.length, 10);
      const moved = await world.damaged(() =>
        world.run('UPDATE log_checkpoint SET size = 650 WHERE size = 631'),
      );
      assert.deepEqual([...whats(moved)], ['checkpoint_malformed']);
    });

    it('finds out who removes the end and makes edge and tiles fit: the head was signed', async () => {
      const { hashes } = await world.db.read.q
        .selectFrom('log_edge')
        .select('hashes')
        .executeTakeFirstOrThrow();
      const found = await world.damaged(async () => {
        await world.run('DELETE FROM event WHERE idx >= 512');
        await world.run('DELETE FROM event_private WHERE idx >= 512');
        await world.run(...edgeChanged(engine, { size: 512, hashes: hashes.subarray(0, 32) }));
      });
      assert.deepEqual([...whats(found)], ['log_cut_off']);
    });

    it('holds the log to checkpoints that lie outside of the database too', async () => {
      const { note } = await world.db.read.q
        .selectFrom('log_checkpoint')
        .select('note')
        .where('size', '=', 561)
        .executeTakeFirstOrThrow();
      assert.deepEqual((await world.fsck(['tree'], [note])).findings, []);
      assert.deepEqual([...whats((await world.fsck(['tree'], ['no checkpoint'])).findings)], []);
      const other = await openWorld(engine);
      try {
        await other.append(plainDrafts(300, createSeededRandom(3)));
        const found = (await other.fsck(['tree'], [note])).findings;
        assert.deepEqual([...whats(found)], ['log_cut_off'], 'an older copy of the database');
      } finally {
        await other[Symbol.asyncDispose]();
      }
    });

    it('finds out who changes an event and makes its tile fit: every head after it was signed', async () => {
      const body = otherOutcome(await bodyAt(tiled));
      const tile = await world.db.read.q
        .selectFrom('log_tile')
        .select('hashes')
        .where('n', '=', 0)
        .executeTakeFirstOrThrow();
      const hashes = Buffer.from(tile.hashes);
      hashes.set(hash('sha256', `\0${body}`, 'buffer'), tiled * 32);
      const found = await world.damaged(async () => {
        await setBody(tiled, body);
        await world.run('UPDATE log_tile SET hashes = ? WHERE n = 0', [hashes]);
      });
      assert.match(found[0]?.message ?? '', /checkpoint of size 141 .* events 71 to 140/);
      assert.deepEqual(
        whats(found),
        new Set(['checkpoint_contradicted', 'checkpoints_contradicted', 'edge_differs']),
      );
    });

    it('believes no note of a drop or an erasure that no event tells of', async () => {
      const drop = await world.damaged(async () => {
        await world.run('DELETE FROM event WHERE idx BETWEEN 100 AND 102');
        await world.run('DELETE FROM event_private WHERE idx BETWEEN 100 AND 102');
        await world.run(`INSERT INTO event_gap (first_idx, last_idx, event_id) VALUES (100, 102, 'x')`);
      });
      assert.deepEqual(named(drop, 'unexplained'), [100]);
      const erasure = await world.damaged(async () => {
        await world.run(`UPDATE event_private SET fields = '{}' WHERE idx = 600`);
        await world.run(`INSERT INTO event_erasure (idx, event_id) VALUES (600, 'x')`);
      });
      assert.deepEqual(named(erasure, 'unexplained'), [600]);
    });

    // Last: it leaves its events in the log.
    it('accepts what retention and erasure did, exactly as far as their events tell', async () => {
      const leaves = async (indexes: readonly number[]) => {
        const hasher = createHash('sha256');
        for (const index of indexes) hasher.update(hash('sha256', `\0${await bodyAt(index)}`, 'buffer'));
        return hasher.digest('base64url');
      };
      const touched = { from: 100, to: 102, count: 3, digest: await leaves([100, 101, 102]) };
      const cutoff = '2026-01-01T00:00:00.000000Z';
      const drop = sealDraft(
        systemDraft('trail.retention.drop', { class: 'routine', ...touched, cutoff }),
        world.clock,
      );
      const erased = {
        erasureId: 'e',
        from: 600,
        to: 600,
        count: 1,
        digest: await leaves([600]),
        entries: 1,
      };
      const erasure = sealDraft(systemDraft('trail.erasure.remove', erased), world.clock);
      await world.appendSealed([drop, erasure]);
      await world.run('DELETE FROM event WHERE idx BETWEEN 100 AND 102');
      await world.run('DELETE FROM event_private WHERE idx BETWEEN 100 AND 102');
      await world.run('INSERT INTO event_gap (first_idx, last_idx, event_id) VALUES (100, 102, ?)', [
        drop.id,
      ]);
      await world.run(`UPDATE event_private SET fields = '{}' WHERE idx = 600`);
      await world.run('INSERT INTO event_erasure (idx, event_id) VALUES (600, ?)', [erasure.id]);
      assert.deepEqual((await world.fsck(['events', 'tree'])).findings, []);

      const more = await world.damaged(async () => {
        await world.run('DELETE FROM event WHERE idx = 103');
        await world.run('DELETE FROM event_private WHERE idx = 103');
        await world.run('UPDATE event_gap SET last_idx = 103');
      });
      assert.deepEqual(named(more, 'notes_differ'), [100]);
      const elsewhere = await world.damaged(async () => {
        await world.run(`UPDATE event_private SET fields = '{}' WHERE idx = 601`);
        await world.run('UPDATE event_erasure SET idx = 601');
      });
      assert.deepEqual(named(elsewhere, 'notes_differ'), [601]);
      const forgotten = await world.damaged(() => world.run('DELETE FROM event_gap'));
      assert.deepEqual(named(forgotten, 'body_missing'), [100]);
      assert.ok(whats(forgotten).has('notes_missing'));
    });
  });
}
