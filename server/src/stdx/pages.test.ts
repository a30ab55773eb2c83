import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cutPage, pageSize } from './pages.ts';

describe('a page', () => {
  it('has a usual size and a largest', () => {
    assert.deepEqual(
      [pageSize(undefined), pageSize(7), pageSize(9_999), pageSize(999, 1_000)],
      [50, 7, 200, 999],
    );
  });

  it('names its last row as the place to go on, only when there is more', () => {
    const cut = (rows: string[]) => cutPage(rows, 2, (row) => row);
    assert.deepEqual(cut([]), { shown: [] });
    assert.deepEqual(cut(['a', 'b']), { shown: ['a', 'b'] });
    assert.deepEqual(cut(['a', 'b', 'c']), { shown: ['a', 'b'], next: 'b' });
    assert.deepEqual(
      cutPage(['a'], 0, (row) => row),
      { shown: [] },
    );
  });
});
