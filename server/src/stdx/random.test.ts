import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { uuidv7 } from './random.ts';

describe('uuidv7', () => {
  it('has the form of RFC 9562 and carries its time to the quarter of a microsecond', () => {
    const us = 1_763_784_283_123_456;
    const id = uuidv7(us);
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const ms = Number.parseInt(id.slice(0, 13).replace('-', ''), 16);
    assert.equal(ms, 1_763_784_283_123);
    assert.equal(Number.parseInt(id.slice(15, 18), 16), Math.floor((456 * 4096) / 1000));
  });

  it('sorts as the times do, also over the ends of milliseconds', () => {
    const start = 1_763_784_283_998_500;
    const ids = Array.from({ length: 3_000 }, (_, at) => uuidv7(start + at));
    assert.deepEqual([...ids].sort(), ids);
    assert.equal(uuidv7(0).slice(0, 18), '00000000-0000-7000');
  });

  it('never repeats, and uses all variants evenly', () => {
    const ids = Array.from({ length: 40_000 }, () => uuidv7(1_000));
    assert.equal(new Set(ids).size, ids.length);
    for (const variant of '89ab') {
      const share = ids.filter((id) => id[19] === variant).length / ids.length;
      assert.ok(Math.abs(share - 0.25) < 0.02, `${variant}: ${share}`);
    }
  });
});
