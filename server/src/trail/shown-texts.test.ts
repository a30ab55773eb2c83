/** What is remembered of events ends with the change that makes it untrue, in whatever order questions come back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manualClock } from '../stdx/clock.ts';
import { rightsOver } from './audience.ts';
import type { StoredEvent } from './projected-row.ts';
import { administrator, everything, pull } from './search-house.fixture.ts';
import { make } from './search-world.fixture.ts';
import { ShownTexts } from './shown-texts.ts';

const rights = rightsOver(everything, administrator);
const made = make(pull('v1'), manualClock());
const stored: StoredEvent = { idx: 7, body: made.body, fields: made.private };
const erased: StoredEvent = { ...stored, fields: null };
const address = '10.0.0.7';

test('an event is remembered until stored events change, and then not as it was', () => {
  const shown = new ShownTexts();
  assert.equal(shown.recall(7, rights, 0), undefined);
  const { text } = shown.show(stored, rights, 0);
  assert.ok(text.includes(address));
  assert.equal(shown.recall(7, rights, 0)?.text, text);
  assert.equal(shown.recall(7, rights, 1), undefined);
  assert.ok(!shown.show(erased, rights, 1).text.includes(address));
  assert.ok(!(shown.recall(7, rights, 1)?.text.includes(address) ?? true));
});

test('who asked before a change neither brings back what it changed nor spoils what is known since', () => {
  const shown = new ShownTexts();
  const asked = 4;
  assert.equal(shown.recall(7, rights, asked), undefined);
  // Meanwhile a unit erased the address, and somebody else has asked after it.
  assert.equal(shown.recall(7, rights, 5), undefined);
  assert.ok(shown.show(stored, rights, asked).text.includes(address));
  assert.equal(shown.recall(7, rights, 5), undefined);
  const now = shown.show(erased, rights, 5);
  assert.equal(shown.recall(7, rights, asked), undefined);
  assert.equal(shown.recall(7, rights, 5)?.text, now.text);
});
