/** Run by crash.test.ts: stores one blob over an existing data folder and is killed by its own hand at a named step of `finish`. */
import { digestOf } from '../domain/digest.ts';
import { systemClock } from '../stdx/clock.ts';
import { bytesOf, chunked } from './blobs.suite.ts';
import { openFilesStore } from './files-store.ts';
import { parseUploadId } from './upload-id.ts';

const [dataDir = '', uploadId = '', size = '', killAt = ''] = process.argv.slice(2);
const id = parseUploadId(uploadId);
if (!id) throw new Error('not an upload id');
const bytes = bytesOf(Number(size));

function reached(step: string): void {
  if (step === killAt) process.kill(process.pid, 'SIGKILL');
}

async function* dyingHalfWay(): AsyncGenerator<Uint8Array> {
  let sent = 0;
  for await (const chunk of chunked(bytes)) {
    yield chunk;
    sent += chunk.length;
    if (sent >= bytes.length / 2) reached('appending');
  }
}

const store = await openFilesStore({ dataDir, clock: systemClock(), atStep: reached });
await store.createUpload(id);
reached('created');
await store.append(id, dyingHalfWay(), { offset: 0, limitBytes: bytes.length });
reached('appended');
await store.finish(id, digestOf('sha256', bytes));
reached('answered');
await store.close();
