/** A person erased out of 100,000 events: no byte is left in any file, and everything of everybody else is as it was. */
import { test } from 'node:test';
import { engines } from '../../../tests/support/house.ts';
import { eraseAndSearch } from './erasing.fixture.ts';

for (const { engine, skip } of engines)
  test(`erase a person out of 100,000 events on ${engine}`, { skip }, () => eraseAndSearch(engine, 100_000));
