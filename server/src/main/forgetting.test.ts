/**
 * Forgetting, whole: a person erased from everything that is stored, searched as bytes; events dropped by age, with every
 * proof still valid. `tallyman fsck` is the oracle of both. The large version is forgetting.long.ts.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { splitLines, trustKey, verifyBundle } from '@tallyman/verifier';
import { engines, root } from '../../../tests/support/house.ts';
import { pointTag } from '../containers/tags.ts';
import { type Digest, digestOf } from '../domain/digest.ts';
import { AppError } from '../domain/error.ts';
import { createUser } from '../identity/users.ts';
import {
  cancelErasure,
  confirmErasure,
  erasureLimits,
  expirePreviews,
  requestErasure,
} from '../jobs/erasures.ts';
import { getErasure } from '../trail/forget/erasure-rows.ts';
import { liftHold, placeHold } from '../trail/forget/holds.ts';
import { putNamespaceRetention, putRetention } from '../trail/forget/settings.ts';
import { hexOf } from '../trail/forget/traces.ts';
import { openBundle } from '../trail/log/bundle.ts';
import { Log } from '../trail/log/log.ts';
import { verifyEd25519 } from '../trail/log/signing-key.ts';
import type { Reader } from '../trail/reader.ts';
import { nodeSha256 } from '../trail/seal.ts';
import { eraseAndSearch, readStored } from './erasing.fixture.ts';
import {
  deleteAccount,
  type ForgettingHouse,
  findBytes,
  live,
  openForgetting,
  performer,
  populate,
  traces,
} from './forgetting.fixture.ts';

const dayMs = 86_400_000;
const auditor: Reader = {
  by: root,
  role: 'auditor',
  owned: [],
  memberOf: [],
  ownedProjects: { ids: [], ofNamespaces: [] },
  maintainedProjects: { ids: [], ofNamespaces: [] },
};

async function typesOf({ db }: ForgettingHouse, type: string): Promise<Record<string, unknown>[]> {
  await db.head();
  const rows = await db.read.q.selectFrom('event').select(['idx', 'body']).orderBy('idx').execute();
  return rows
    .map((row) => JSON.parse(row.body) as { type: string; details: Record<string, unknown> })
    .filter((event) => event.type === type)
    .map((event) => event.details);
}

for (const { engine, skip } of engines) {
  describe(`erasure on ${engine}`, { skip }, () => {
    it('leaves no byte of a person, and everything of everybody else', async () => {
      await eraseAndSearch(engine, 2_000);
    });

    it('goes on after a failure and after a restart, and does each part once', async () => {
      await using house = await openForgetting(engine);
      const world = await populate(house);
      await live(house, world, 1_500);
      await deleteAccount(house, world);
      const { id } = await requestErasure(house.erasures, root, { kind: 'user', id: world.plum.id });
      await house.jobs.settle();
      await confirmErasure(house.erasures, root, id);
      let calls = 0;
      const { traces: search } = house.scanner;
      house.scanner.traces = async (question) => {
        if (++calls === 2) throw new Error('the power went away');
        return search(question);
      };
      await house.jobs.settle();
      const half = await getErasure(house.db.read, id);
      assert.equal(half.state, 'erasing');
      await house.restart();
      house.clock.advanceMs(60_000);
      await house.caughtUp();
      await house.jobs.settle();
      const { state, removed } = await getErasure(house.db.read, id);
      assert.equal(state, 'done');
      const told = await typesOf(house, 'trail.erasure.remove');
      assert.equal(
        told.reduce((sum, details) => sum + Number(details.entries), 0),
        removed.entries,
      );
      assert.deepEqual(await findBytes(house), []);
      await house.fsck();
    });

    it('stops before a legal hold, visibly, and goes on when it is lifted', async () => {
      await using house = await openForgetting(engine);
      const world = await populate(house);
      await live(house, world, 300);
      await deleteAccount(house, world);
      const { id } = await requestErasure(house.erasures, root, { kind: 'user', id: world.plum.id });
      const acme = world.scope.namespace.id;
      const place = { kind: 'namespace', subjectId: acme, subjectName: 'acme', note: 'case 7' } as const;
      const hold = await placeHold(house.parts, root, place);
      await house.jobs.settle();
      const held = { name: 'AppError', code: 'conflict', reason: 'legal_hold' };
      await assert.rejects(confirmErasure(house.erasures, root, id), held);
      const lift = (holdId: string) =>
        liftHold(house.parts, root, { id: holdId, nameOf: async () => undefined });
      await lift(hold.id);
      await confirmErasure(house.erasures, root, id);
      const again = await placeHold(house.parts, root, place);
      const before = await readStored(house.db);
      await house.jobs.settle();
      const [job] = await house.db.read.q
        .selectFrom('job')
        .selectAll()
        .where('kind', '=', 'erasure')
        .execute();
      assert.deepEqual([job?.state, job?.error?.includes(again.id)], ['failed', true]);
      const after = await readStored(house.db);
      for (const [idx, { fields, body }] of before)
        if (body.includes(acme)) assert.equal(after.get(idx)?.fields, fields);
      await lift(again.id);
      await confirmErasure(house.erasures, root, id);
      await house.jobs.settle();
      assert.equal((await getErasure(house.db.read, id)).state, 'done');
      assert.deepEqual(await findBytes(house), []);
    });

    it('of a typed name and of an address takes these, and nothing else', async () => {
      await using house = await openForgetting(engine);
      const { db, trail } = house;
      const ben = await createUser(house.identity.parts, { by: root, name: 'ben' });
      const attempt = (typedName: string, ip: string) =>
        trail.attempt({
          type: 'account.sign_in.refuse',
          by: {
            actor: { kind: 'anonymous', name: typedName, proven: false },
            credential: { kind: 'password' },
            request: { id: 'r', protocol: 'http', ip, userAgent: `agent of ${ip}` },
          },
          scope: {},
          outcome: 'denied',
          reason: 'unknown_user',
          source: ip,
          details: { attempted: { action: 'sign_in' }, surface: 'console', typedName },
        } as never);
      await attempt(traces.email, '198.51.100.9');
      // The second waits in memory, and comes to the log when its erasure begins.
      await attempt(traces.email, '198.51.100.9');
      await attempt('somebody', '198.51.100.8');
      const from = { ip: traces.address };
      await trail.read({
        type: 'account.sign_in.succeed',
        by: performer({ id: ben.id, name: 'ben' }, from),
        scope: { namespace: { kind: 'user', id: ben.id, name: 'ben' } },
        details: { surface: 'console' },
      });
      const erase = async (subject: Parameters<typeof requestErasure>[2]) => {
        const { id } = await requestErasure(house.erasures, root, subject);
        await house.jobs.settle();
        assert.equal((await getErasure(db.read, id)).state, 'previewed');
        await confirmErasure(house.erasures, root, id);
        await house.jobs.settle();
        const done = await getErasure(db.read, id);
        assert.deepEqual([done.state, done.traces.names, done.traces.addresses], ['done', [], []]);
        return done;
      };
      await erase({ kind: 'name', name: traces.email.toUpperCase() });
      await erase({ kind: 'address', hex: hexOf(traces.address) as string });
      assert.deepEqual(await findBytes(house), []);
      const all = [...(await readStored(db)).values()].map(({ fields }) => fields).join('\n');
      assert.ok(!all.includes('198.51.100.9'), 'where the typed name came from');
      for (const kept of ['somebody', '198.51.100.8', '"ben"', 'laptop of ben', 'docker/1'])
        assert.ok(all.includes(kept), kept);
      await house.fsck();
    });

    it('gives previews up that nobody confirms, with what they remember', async () => {
      await using house = await openForgetting(engine);
      const { id } = await requestErasure(house.erasures, root, { kind: 'name', name: traces.email });
      await house.jobs.settle();
      house.clock.advanceMs(erasureLimits.keptPreviewMs - 1_000);
      assert.equal(await expirePreviews(house.erasures), 0);
      house.clock.advanceMs(2_000);
      assert.equal(await expirePreviews(house.erasures), 1);
      const { state, traces: left } = await getErasure(house.db.read, id);
      assert.deepEqual([state, left.names], ['cancelled', []]);
      await assert.rejects(confirmErasure(house.erasures, root, id), { code: 'conflict' });
      await assert.rejects(cancelErasure(house.erasures, root, id), { code: 'conflict' });
    });

    it('keeps a name from being taken, without saying which it was', async () => {
      await using house = await openForgetting(engine);
      const world = await populate(house);
      await deleteAccount(house, world);
      const { id } = await requestErasure(house.erasures, root, { kind: 'user', id: world.plum.id });
      await house.jobs.settle();
      await confirmErasure(house.erasures, root, id);
      await house.jobs.settle();
      for (const name of [traces.name, traces.formerName])
        await assert.rejects(createUser(house.identity.parts, { by: root, name }), {
          code: 'conflict',
          reason: 'name_reserved',
        });
      const rows = await house.db.read.q.selectFrom('reserved_name').selectAll().execute();
      assert.ok(rows.length > 0 && rows.every((row) => row.name.startsWith('sha256:')));
    });
  });

  describe(`retention on ${engine}`, { skip }, () => {
    const routine = async ({ db }: ForgettingHouse): Promise<number> => {
      await db.head();
      const rows = await db.read.q
        .selectFrom('event')
        .select('idx')
        .where('body', 'like', '%"type":"container.manifest.pull"%')
        .execute();
      return rows.length;
    };
    const runNow = async (house: ForgettingHouse): Promise<void> => {
      await house.db.transact((tx) => house.jobs.enqueue(tx, { kind: 'retention', key: 'retention' }));
      await house.caughtUp();
      await house.jobs.settle();
    };

    it('drops what is past its time, below the last full tile, and every proof stays valid', async () => {
      await using house = await openForgetting(engine);
      const world = await populate(house);
      await live(house, world, 1_200);
      const before = await readStored(house.db);
      await runNow(house);
      assert.equal((await readStored(house.db)).size, before.size, 'nothing is old enough');
      house.clock.advanceMs(91 * dayMs);
      await live(house, world, 100);
      await runNow(house);
      const after = await readStored(house.db);
      const gone = [...before].filter(([idx]) => !after.has(idx));
      assert.ok(gone.length > 300);
      for (const [idx, { body }] of gone) {
        assert.match(body, /"type":"container.manifest.pull"/);
        assert.ok(idx < Math.floor(before.size / 256) * 256 + 256);
      }
      const told = await typesOf(house, 'trail.retention.drop');
      assert.equal(
        told.reduce((sum, details) => sum + Number(details.count), 0),
        gone.length,
      );
      assert.ok(told.every((details) => details.class === 'routine' && Number(details.count) <= 200));
      await house.fsck();
      await house.restart();
      await house.caughtUp();
      await house.fsck();
      const found = await house.search.search(
        { view: { kind: 'administration' }, filter: { type: ['container.manifest.pull'] }, limit: 500 },
        auditor,
      );
      assert.ok(found.items.length > 0 && found.items.every((event) => after.has(event.index)));
    });

    it('keeps what explains a present state for as long as it lasts', async () => {
      await using house = await openForgetting(engine);
      const world = await populate(house);
      await live(house, world, 600);
      house.clock.advanceMs(401 * dayMs);
      await live(house, world, 300);
      await runNow(house);
      const kept = async (type: string) => (await typesOf(house, type)).length;
      assert.deepEqual(
        [
          await kept('token.access.create'),
          await kept('robot.account.create'),
          await kept('organisation.member.add'),
          await kept('account.user.create'),
          await kept('account.email.change'),
        ],
        [1, 1, 2, 3, 0],
      );
      await deleteAccount(house, world);
      await runNow(house);
      assert.deepEqual(
        [
          await kept('token.access.create'),
          await kept('robot.account.create'),
          await kept('organisation.member.add'),
          await kept('account.user.create'),
        ],
        [0, 0, 1, 2],
      );
      await house.fsck();
    });

    it('keeps the event that a tag stands by, and drops those it stood by before', async () => {
      await using house = await openForgetting(engine);
      const world = await populate(house);
      const { scope } = world;
      const at = { by: root, projectId: scope.project.id, scope, tag: 'stable', how: 'push' as const };
      const point = (digest: Digest) =>
        house.db.transact((tx) => pointTag(house.parts, tx, { ...at, digest }));
      const row = {
        project_id: scope.project.id,
        media_type: 'm',
        size_bytes: 7,
        created_at: 0,
        event_id: 'x',
      };
      const contents = ['{"a":1}', '{"b":2}', '{"c":3}'];
      const digests = contents.map((content) => digestOf('sha256', content));
      for (const [index, digest] of digests.entries()) {
        const values = { ...row, digest, content: Buffer.from(contents[index] as string) };
        await house.db.transact((tx) =>
          tx.q
            .insertInto('manifest')
            .values({ ...values, artifact_type: null, subject_digest: null, annotations: null })
            .execute(),
        );
        await point(digest);
      }
      await putRetention(house.parts, root, { class: 'project', days: 30, namespaces: null });
      await live(house, world, 300);
      house.clock.advanceMs(31 * dayMs);
      await live(house, world, 300);
      await runNow(house);
      const moves = await typesOf(house, 'container.tag.move');
      assert.deepEqual(
        moves.map(({ to }) => to),
        [digests[2]],
      );
      const { items } = await house.search.search(
        { view: { kind: 'administration' }, filter: { type: ['container.tag.move'] } },
        auditor,
      );
      const tag = await house.db.read.q.selectFrom('tag').select('event_id').executeTakeFirst();
      assert.deepEqual(
        items.map(({ id }) => id),
        [tag?.event_id],
      );
    });

    it('stops before legal holds on a namespace, a project or a user', async () => {
      await using house = await openForgetting(engine);
      const world = await populate(house);
      await live(house, world, 900);
      const hold = (kind: 'namespace' | 'project' | 'user', subjectId: string) =>
        placeHold(house.parts, root, { kind, subjectId, subjectName: 'x', note: 'case 7' });
      const [project, ben] = [
        await hold('project', world.scope.project.id),
        await hold('user', world.ben.id),
      ];
      house.clock.advanceMs(91 * dayMs);
      await live(house, world, 300);
      const before = await routine(house);
      await runNow(house);
      assert.equal(await routine(house), before, 'all pulls are of acme/app, or by ben');
      const lift = (id: string) => liftHold(house.parts, root, { id, nameOf: async () => undefined });
      await lift(project.id);
      await runNow(house);
      const bens = [...(await readStored(house.db)).values()].filter(
        ({ body }) => body.includes(world.ben.id) && body.includes('manifest.pull'),
      );
      const left = await routine(house);
      assert.ok(left < before && bens.length > 100);
      await lift(ben.id);
      await runNow(house);
      assert.ok((await routine(house)) < left);
      await house.fsck();
    });

    it('follows the choice of a namespace, within the administrator’s bounds', async () => {
      await using house = await openForgetting(engine);
      const world = await populate(house);
      await live(house, world, 600);
      const { namespace } = world.scope;
      const choose = (days: number | null) =>
        putNamespaceRetention(house.parts, root, { class: 'routine', namespace, days });
      await assert.rejects(choose(200), { code: 'conflict' });
      await putRetention(house.parts, root, {
        class: 'routine',
        days: 90,
        namespaces: { shortestDays: 30, longestDays: 365 },
      });
      for (const days of [29, 366, null]) await assert.rejects(choose(days), { code: 'invalid' });
      await choose(200);
      house.clock.advanceMs(91 * dayMs);
      await live(house, world, 300);
      const before = await routine(house);
      await runNow(house);
      const inAcme = async () =>
        [...(await readStored(house.db)).values()].filter(
          ({ body }) => body.includes(namespace.id) && body.includes('manifest.pull'),
        ).length;
      const own = await inAcme();
      assert.ok((await routine(house)) < before && own > 300);
      // A bound that is narrowed wins over the choice.
      await putRetention(house.parts, root, {
        class: 'routine',
        days: 90,
        namespaces: { shortestDays: 30, longestDays: 60 },
      });
      await runNow(house);
      assert.ok((await inAcme()) < own);
      await house.fsck();
    });

    it('goes on after a failure between two units, and drops nothing twice', async () => {
      await using house = await openForgetting(engine);
      const world = await populate(house);
      await live(house, world, 1_500);
      house.clock.advanceMs(91 * dayMs);
      await live(house, world, 100);
      const { transact } = house.db;
      let drops = 0;
      house.db.transact = (unit, options) =>
        transact.call(
          house.db,
          async (tx) => {
            const { append } = tx;
            tx.append = (event) => {
              const isDrop = event.body.includes('"type":"trail.retention.drop"');
              if (isDrop && ++drops === 2) throw new AppError('unavailable', 'the power went away');
              append.call(tx, event);
            };
            return unit(tx);
          },
          options,
        ) as never;
      await runNow(house);
      await house.restart();
      house.clock.advanceMs(60_000);
      await house.caughtUp();
      await house.jobs.settle();
      const told = await typesOf(house, 'trail.retention.drop');
      const gaps = await house.db.read.q.selectFrom('event_gap').selectAll().execute();
      const dropped = gaps.reduce((sum, gap) => sum + gap.last_idx - gap.first_idx + 1, 0);
      assert.ok(dropped > 300);
      assert.ok(drops >= 2, 'it was broken off between two units');
      assert.equal(
        told.reduce((sum, details) => sum + Number(details.count), 0),
        dropped,
      );
      await house.fsck();
    });

    it('keeps events that are not what the tree says, and tells of it', async () => {
      await using house = await openForgetting(engine);
      const world = await populate(house);
      await live(house, world, 600);
      house.clock.advanceMs(91 * dayMs);
      await live(house, world, 300);
      const victim = [...(await readStored(house.db))].find(([, { body }]) => body.includes('manifest.pull'));
      const [idx, { body }] = victim ?? assert.fail();
      const forged = body.replace('sha256:00', 'sha256:01');
      await house.db.transact((tx) =>
        tx.q.updateTable('event').set({ body: forged }).where('idx', '=', idx).execute(),
      );
      await runNow(house);
      assert.ok((await readStored(house.db)).has(idx));
      assert.ok(house.lines.some((line) => line.includes('not what the tree')));
    });
  });
}

it('a bundle made before an erasure still verifies, whole, and so does one made after it', async () => {
  await using house = await openForgetting('sqlite');
  const { db, clock, trail, folder } = house;
  const world = await populate(house);
  await live(house, world, 600);
  const settings = {
    dataDir: folder.path,
    publicUrl: 'https://registry.example.org',
    checkpoint: { origin: undefined, keyPath: folder.join('log/key'), copies: [] },
  };
  const log = await Log.open({ db, clock, trail, server: () => root, settings });
  const bundle = async (): Promise<string> => {
    const stored = await readStored(db);
    const entry = (index: number) => {
      const { body, fields } = stored.get(index) ?? assert.fail();
      return { index, body, private: fields };
    };
    const source = {
      indexes: [...stored.keys()],
      read: async (indexes: readonly number[]) => indexes.map(entry),
    };
    let text = '';
    for await (const lines of await openBundle(log, source)) text += lines;
    return text;
  };
  const opened = (text: string) => {
    const events: { index: number; withheld: string[] }[] = [];
    verifyBundle(splitLines([Buffer.from(text)]), {
      trust: trustKey(log.vkey, nodeSha256),
      sha256: nodeSha256,
      verify: verifyEd25519,
      nowSec: Math.floor(clock.nowMs() / 1_000) + 1,
      onEvent: (event) => events.push(event),
    });
    return events;
  };
  const before = await bundle();
  await deleteAccount(house, world);
  const { id } = await requestErasure(house.erasures, root, { kind: 'user', id: world.plum.id });
  await house.jobs.settle();
  await confirmErasure(house.erasures, root, id);
  await house.jobs.settle();
  const told = opened(before);
  assert.ok(told.length > 600 && told.every(({ withheld }) => withheld.length === 0));
  const after = opened(await bundle());
  assert.ok(after.some(({ withheld }) => withheld.includes('/actor/name')));
  assert.ok(after.filter(({ withheld }) => withheld.length === 0).length > told.length / 4);
  house.clock.advanceMs(91 * dayMs);
  await live(house, world, 300);
  await db.transact((tx) => house.jobs.enqueue(tx, { kind: 'retention', key: 'retention' }));
  await house.caughtUp();
  await house.jobs.settle();
  assert.ok(opened(await bundle()).length < told.length, 'with gaps, and still under the tree');
  assert.equal(opened(before).length, told.length);
  await log.close();
});
