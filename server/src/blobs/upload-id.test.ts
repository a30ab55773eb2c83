import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, it } from 'node:test';
import { parseUploadId } from './upload-id.ts';

describe('parseUploadId', () => {
  it('takes a lower-case UUID and nothing that could leave its folder', () => {
    const id = randomUUID();
    assert.equal(parseUploadId(id), id);
    const wrong = [
      '',
      '.',
      '..',
      '../x',
      '/etc/passwd',
      `${id}/`,
      `${id}\n`,
      ` ${id}`,
      id.toUpperCase().replace(/\d/g, 'A'),
    ];
    wrong.push(id.replaceAll('-', ''), `${id.slice(0, 35)}/`, `..${id.slice(2)}`, `${id.slice(0, 35)}\0`);
    for (const text of wrong) assert.equal(parseUploadId(text), undefined, JSON.stringify(text));
  });
});
