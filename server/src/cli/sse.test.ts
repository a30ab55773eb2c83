import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readSentEvents, type SentEvent } from './sse.ts';

async function read(text: string, size: number): Promise<SentEvent[]> {
  const bytes = Buffer.from(text);
  const chunks = async function* () {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  };
  return Array.fromAsync(readSentEvents(chunks()));
}

describe('readSentEvents', () => {
  it('reads messages however they are cut', async () => {
    const text =
      'retry: 3000\n\n: comment\nid: 1\nevent: event\ndata: {"a":"ø: b"}\n\nid: 2\n\r\ndata:one\ndata: two\n\nid: 3\ndata: broken off';
    for (let size = 1; size < 40; size++) {
      assert.deepEqual(await read(text, size), [
        { id: '1', event: 'event', data: '{"a":"ø: b"}' },
        { id: '2', event: 'message', data: undefined },
        { id: undefined, event: 'message', data: 'one\ntwo' },
      ]);
    }
  });
});
