/** Content that sends itself: every byte, in order, whatever the target does, and never a descriptor left open. */
import assert from 'node:assert/strict';
import { closeSync, fstatSync, openSync, writeFileSync } from 'node:fs';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { createSeededRandom } from '../../../tests/support/seeded-random.ts';
import { createTempFolder } from '../../../tests/support/temp-folder.ts';
import { waitFor } from '../../../tests/support/wait-for.ts';
import { FileContent } from './file-content.ts';

const bytes = Buffer.from(createSeededRandom(1).bytes(900_001));
const isClosed = (fd: number): boolean => {
  try {
    fstatSync(fd);
    return false;
  } catch {
    return true;
  }
};

async function withFile(use: (fd: number) => Promise<void>): Promise<void> {
  await using folder = await createTempFolder('content');
  writeFileSync(folder.join('file'), bytes);
  const fd = openSync(folder.join('file'), 'r');
  await use(fd);
  await waitFor('the descriptor to be closed', () => isClosed(fd));
}

/** Copies what it is given only when it says that it has taken it, as a socket does. */
function slowTarget(seen: Buffer[]): Writable {
  return new Writable({
    write(piece: Buffer, _encoding, done) {
      setImmediate(() => {
        seen.push(Buffer.from(piece));
        done();
      });
    },
  });
}

for (const [start, lengthBytes] of [
  [0, bytes.length],
  [1, 300_000],
  [899_999, 2],
] as const) {
  test(`sends ${lengthBytes} bytes from ${start}, though its buffers are used again`, () =>
    withFile(async (fd) => {
      const seen: Buffer[] = [];
      await new FileContent(fd, { start, lengthBytes }).sendTo(slowTarget(seen));
      assert.ok(Buffer.concat(seen).equals(bytes.subarray(start, start + lengthBytes)));
    }));
}

test('read as a stream it is the same bytes', () =>
  withFile(async (fd) => {
    const seen: Buffer[] = [];
    for await (const piece of new FileContent(fd, { start: 7, lengthBytes: 700_000 }))
      seen.push(piece as Buffer);
    assert.ok(Buffer.concat(seen).equals(bytes.subarray(7, 700_007)));
  }));

test('a target that closes midway ends the sending', () =>
  withFile(async (fd) => {
    const target = new Writable({ write: () => target.destroy() });
    await assert.rejects(
      new FileContent(fd, { start: 0, lengthBytes: bytes.length }).sendTo(target),
      /is gone/,
    );
  }));

test('a target that was closed before is told at once', () =>
  withFile(async (fd) => {
    const target = slowTarget([]);
    target.destroy();
    await assert.rejects(
      new FileContent(fd, { start: 0, lengthBytes: bytes.length }).sendTo(target),
      /is gone/,
    );
  }));

test('a file shorter than announced is an error, sent or read', async () => {
  const announced = { start: 0, lengthBytes: bytes.length + 1 };
  await withFile(async (fd) => {
    await assert.rejects(new FileContent(fd, announced).sendTo(slowTarget([])), /shorter/);
  });
  await withFile(async (fd) => {
    await assert.rejects(new FileContent(fd, announced).toArray(), /shorter/);
  });
});

test('destroyed unread, it closes its descriptor', () =>
  withFile(async (fd) => {
    const content = new FileContent(fd, { start: 0, lengthBytes: bytes.length });
    content.read();
    content.destroy();
  }));

test('the descriptor is closed once: a second destroy changes nothing', async () => {
  await using folder = await createTempFolder('content');
  writeFileSync(folder.join('file'), bytes);
  const content = new FileContent(openSync(folder.join('file'), 'r'), { start: 0, lengthBytes: 10 });
  const closed = new Promise((resolve) => content.once('close', resolve));
  content.destroy();
  await closed;
  const other = openSync(folder.join('file'), 'r');
  content.destroy();
  assert.equal(fstatSync(other).size, bytes.length);
  closeSync(other);
});
