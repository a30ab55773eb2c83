/** Folding: one event at once, one closing event, exact counts, bounded by source and by reason, whoever sends what. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Repeats } from '@tallyman/contract';
import { forAll } from '../../../tests/support/seeded-random.ts';
import { type Clock, manualClock } from '../stdx/clock.ts';
import { Attempts, attemptLimits } from './attempts.ts';
import type { EventDraft, RefusalDraft } from './draft.ts';

type Written = { id: string; draft: EventDraft };

/** `fail` set: nothing can be written. `hold` set: writing waits for it. */
type Bench = {
  attempts: Attempts;
  clock: Clock & { advanceMs(ms: number): void };
  written: Written[];
  fail: boolean;
  hold: Promise<void> | undefined;
};

function open(): Bench {
  const clock = manualClock();
  const written: Written[] = [];
  const bench: Bench = {
    clock,
    written,
    fail: false,
    hold: undefined,
    attempts: new Attempts({
      clock,
      async write(draft) {
        await bench.hold;
        if (bench.fail) throw new Error('disk full');
        const id = `event-${written.length}`;
        written.push({ id, draft });
        return id;
      },
    }),
  };
  return bench;
}

function refusal(
  more: {
    project?: string;
    source?: string;
    reason?: 'not_permitted' | 'tag_immutable';
    actor?: string;
    reference?: string;
  } = {},
): RefusalDraft {
  const {
    project = 'acme/app',
    source = '10.0.0.1',
    reason = 'not_permitted',
    actor = 'alice',
    reference = 'v1',
  } = more;
  return {
    type: 'container.push.refuse',
    by: {
      actor: { kind: 'user', id: actor, name: actor, proven: true },
      credential: { kind: 'password' },
      request: { id: 'request', protocol: 'http', ip: source, userAgent: 'docker' },
    },
    scope: { namespace: { kind: 'organisation', id: 'acme', name: 'acme' } },
    outcome: 'denied',
    reason,
    source,
    details: { attempted: { action: 'push', project, reference } },
  };
}

function repeatsOf({ draft }: Written): Repeats | undefined {
  return (draft.details as { repeats?: Repeats }).repeats;
}

/** How many refusals the events written tell of. */
function counted(written: readonly Written[]): number {
  return written.reduce((sum, event) => sum + (repeatsOf(event)?.count ?? 1), 0);
}

describe('attempts', () => {
  it('writes the first at once and its repeats once, when it has been quiet', async () => {
    const bench = open();
    for (let time = 0; time < 5; time++) {
      await bench.attempts.note(refusal({ reference: `v${time}` }));
      bench.clock.advanceMs(1_000);
    }
    assert.equal(bench.written.length, 1);
    bench.clock.advanceMs(attemptLimits.quietMs - 2_000);
    await bench.attempts.sweep();
    assert.equal(bench.written.length, 1);
    bench.clock.advanceMs(2_000);
    await bench.attempts.sweep();
    const [first, closing] = bench.written as [Written, Written];
    assert.equal(bench.written.length, 2);
    assert.equal(closing.draft.cause, first.id);
    assert.deepEqual(closing.draft.scope, first.draft.scope);
    const repeats = repeatsOf(closing) as Repeats;
    assert.equal(repeats.count, 4);
    assert.equal(repeats.folded, 'key');
    assert.deepEqual(repeats.samples, ['acme/app v1', 'acme/app v2', 'acme/app v3', 'acme/app v4']);
    assert.ok(repeats.firstAt < repeats.lastAt);
    assert.equal(bench.attempts.size, 0);
    await bench.attempts.note(refusal());
    assert.equal(bench.written.length, 3);
    await bench.attempts.flush();
    assert.equal(bench.written.length, 3, 'a refusal without repeats has no closing event');
  });

  it('closes what never goes quiet after its longest time', async () => {
    const bench = open();
    const notes = attemptLimits.longestMs / 10_000;
    for (let time = 0; time < notes; time++) {
      await bench.attempts.note(refusal());
      bench.clock.advanceMs(10_000);
      await bench.attempts.sweep();
    }
    assert.equal(bench.written.length, 2);
    assert.equal(counted(bench.written), notes);
  });

  it('tells apart who, with what, from where, what and why', async () => {
    const bench = open();
    const different = [
      {},
      { project: 'acme/tool' },
      { source: '10.0.0.2' },
      { reason: 'tag_immutable' as const },
      { actor: 'bob' },
    ];
    for (const more of different) await bench.attempts.note(refusal(more));
    for (const more of different) await bench.attempts.note(refusal({ ...more, reference: 'another' }));
    assert.equal(bench.written.length, different.length);
  });

  it('folds a source that tries many things, naming nobody for what was beyond its keys', async () => {
    const bench = open();
    const tried = 500;
    for (let at = 0; at < tried; at++) await bench.attempts.note(refusal({ project: `acme/p${at}` }));
    assert.equal(bench.written.length, attemptLimits.keysPerSource + 1);
    assert.equal(bench.attempts.size, attemptLimits.keysPerSource + 1);
    await bench.attempts.note(refusal({ project: 'other', source: '10.0.0.2' }));
    assert.equal(bench.written.length, attemptLimits.keysPerSource + 2, 'another source is not affected');
    await bench.attempts.flush();
    const closing = bench.written.at(-1) as Written;
    assert.equal(counted(bench.written), tried + 1);
    assert.equal(repeatsOf(closing)?.folded, 'source');
    assert.equal(repeatsOf(closing)?.samples.length, attemptLimits.samples);
    assert.deepEqual(closing.draft.scope, {});
    assert.deepEqual(closing.draft.by.actor, { kind: 'anonymous', proven: false });
    assert.equal(closing.draft.by.request.ip, '10.0.0.1');
    assert.equal(closing.draft.target, undefined);
    assert.doesNotMatch(
      JSON.stringify({ ...closing.draft, details: { ...closing.draft.details, repeats: undefined } }),
      /alice|acme/,
    );
  });

  it('keeps a bounded number open however many sources there are, and loses no count', async () => {
    const bench = open();
    const sources = attemptLimits.openEntries + 500;
    for (let at = 0; at < sources; at++) await bench.attempts.note(refusal({ source: `source ${at}` }));
    assert.equal(bench.attempts.size, attemptLimits.openEntries + 1);
    assert.equal(bench.written.length, attemptLimits.openEntries + 1);
    await bench.attempts.flush();
    assert.equal(counted(bench.written), sources);
    const closing = bench.written.at(-1) as Written;
    assert.equal(repeatsOf(closing)?.folded, 'reason');
    assert.equal(closing.draft.by.request.ip, undefined);
  });

  it('answers nobody before the first is durable, not even those that repeat it', async () => {
    const bench = open();
    const held = Promise.withResolvers<void>();
    bench.hold = held.promise;
    let answered = 0;
    const notes = Array.from({ length: 5 }, () => bench.attempts.note(refusal()).then(() => answered++));
    await new Promise(setImmediate);
    assert.equal(answered, 0);
    held.resolve();
    await Promise.all(notes);
    assert.equal(bench.written.length, 1);
    await bench.attempts.flush();
    assert.equal(counted(bench.written), 5);
  });

  it('rejects what could not be recorded, and records the next like it as a first', async () => {
    const bench = open();
    bench.fail = true;
    await assert.rejects(bench.attempts.note(refusal()), /disk full/);
    assert.equal(bench.attempts.size, 0);
    bench.fail = false;
    await bench.attempts.note(refusal());
    assert.equal(bench.written.length, 1);
  });

  it('writes a closing event later when it could not be written', async () => {
    const bench = open();
    await bench.attempts.note(refusal());
    await bench.attempts.note(refusal());
    bench.fail = true;
    await assert.rejects(bench.attempts.flush(), /disk full/);
    bench.fail = false;
    await bench.attempts.sweep();
    assert.equal(counted(bench.written), 2);
    assert.equal(bench.written.length, 2);
  });

  it('does not close an entry whose first could not be written', async () => {
    const bench = open();
    const held = Promise.withResolvers<void>();
    bench.hold = held.promise;
    const notes = Promise.allSettled([bench.attempts.note(refusal()), bench.attempts.note(refusal())]);
    bench.clock.advanceMs(attemptLimits.longestMs);
    const sweeping = bench.attempts.sweep().then(
      () => 'done',
      () => 'rejected',
    );
    bench.fail = true;
    held.resolve();
    assert.deepEqual(
      (await notes).map(({ status }) => status),
      ['rejected', 'rejected'],
    );
    await sweeping;
    bench.fail = false;
    // Neither was answered as recorded, so neither is counted; what comes now is.
    await bench.attempts.note(refusal());
    await bench.attempts.flush();
    assert.equal(counted(bench.written), 1);
  });

  it('counts every refusal of any storm exactly', async () => {
    await forAll(20, async (random) => {
      const bench = open();
      let sent = 0;
      for (let step = 0; step < 300; step++) {
        const notes = Array.from({ length: random.integer({ min: 1, max: 5 }) }, () =>
          bench.attempts.note(
            refusal({
              project: `acme/p${random.integer({ min: 0, max: 40 })}`,
              source: `10.0.0.${random.integer({ min: 0, max: 3 })}`,
              reason: random.pick(['not_permitted', 'tag_immutable']),
              actor: random.pick(['alice', 'bob']),
            }),
          ),
        );
        sent += notes.length;
        await Promise.all(notes);
        bench.clock.advanceMs(random.integer({ min: 0, max: 8_000 }));
        if (random.next() < 0.3) await bench.attempts.sweep();
      }
      await bench.attempts.flush();
      assert.equal(counted(bench.written), sent);
      assert.equal(bench.attempts.size, 0);
      const ids = new Set(bench.written.map(({ id }) => id));
      for (const { draft } of bench.written) assert.ok(draft.cause === undefined || ids.has(draft.cause));
    });
  });
});
