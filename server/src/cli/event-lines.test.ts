import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { printable } from './event-lines.ts';

describe('printable', () => {
  it('shows what would act on a terminal, and leaves other text alone', () => {
    assert.equal(printable('pull of team/app:v1 – größe 漢字'), 'pull of team/app:v1 – größe 漢字');
    assert.equal(printable('\u001b[2Jgone\n\u202egnp'), '\\u{1b}[2Jgone\\u{a}\\u{202e}gnp');
  });
});
