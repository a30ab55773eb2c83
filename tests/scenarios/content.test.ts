/** What is served is what was pushed: blobs of many sizes, read by many at once, in parts, and by readers that go away. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { type Content, contentOf, pushBlob } from '../support/registry-client.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import { startTestServer, testEngines } from '../support/server.ts';
import { abandon, createWire } from '../support/wire.ts';

const sizes = [
  0, 1, 512, 16_383, 16_384, 16_385, 40_000, 65_536, 262_144, 262_145, 524_288, 1_000_003, 3_000_000,
];
const readings = 400;

for (const { engine, skip } of testEngines()) {
  test(`many readers at once get each blob whole, on ${engine}`, { skip }, async () => {
    await using server = await startTestServer({ engine });
    using wire = createWire(server.url);
    const as = { authorization: server.adminAuth.basic };
    const project = `${server.adminAuth.username}/app`;
    const blobs: Content[] = sizes.map((size) => contentOf(randomBytes(size)));
    for (const blob of blobs) assert.equal((await pushBlob(wire, project, blob, as)).status, 201);
    const random = createSeededRandom(11);
    const read = async (): Promise<void> => {
      const { bytes, digest } = random.pick(blobs);
      const path = `/v2/${project}/blobs/${digest}`;
      const drawn = random.next();
      if (drawn < 0.1) {
        const head = `GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: ${as.authorization}\r\n\r\n`;
        await abandon(server.url, Buffer.from(head));
      } else if (drawn < 0.3 && bytes.length > 1) {
        const start = random.integer({ min: 0, max: bytes.length - 1 });
        const end = random.integer({ min: start, max: bytes.length - 1 });
        const part = await wire.send({ path, headers: { ...as, range: `bytes=${start}-${end}` } });
        assert.equal(part.status, 206);
        assert.ok(
          part.body.equals(bytes.subarray(start, end + 1)),
          `bytes ${start}-${end} of ${bytes.length}`,
        );
      } else {
        const whole = await wire.send({ path, headers: as });
        assert.equal(whole.status, 200);
        assert.equal(contentOf(whole.body).digest, digest, `a blob of ${bytes.length} bytes`);
      }
    };
    let left = readings;
    const lane = async (): Promise<void> => {
      while (left > 0) {
        left -= 1;
        await read();
      }
    };
    await Promise.all(Array.from({ length: 24 }, lane));
    const failures = server.logLines().filter(({ level }) => level === 'error' || level === 'fatal');
    assert.deepEqual(failures, []);
  });
}
