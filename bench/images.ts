/** Images of random data as OCI layouts, and the clients and load that move them. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type ClientHome, createClientHome } from '../tests/support/clients.ts';

export type Image = { layoutPath: string; sizeBytes: number };

/** A layout with `layers` layers of random data, gzip without compression, tagged `v1`. */
export async function makeImage(
  folder: string,
  layers: { count: number; sizeBytes: number },
): Promise<Image> {
  const blobs = join(folder, 'blobs', 'sha256');
  await mkdir(blobs, { recursive: true });
  const put = async (bytes: Uint8Array) => {
    const hex = createHash('sha256').update(bytes).digest('hex');
    await writeFile(join(blobs, hex), bytes);
    return { digest: `sha256:${hex}`, size: bytes.length };
  };
  const diffIds: string[] = [];
  const descriptors: object[] = [];
  for (let at = 0; at < layers.count; at++) {
    const plain = tarOf(randomBytes(layers.sizeBytes));
    diffIds.push(`sha256:${createHash('sha256').update(plain).digest('hex')}`);
    const layer = await put(gzipSync(plain, { level: 0 }));
    descriptors.push({ mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', ...layer });
  }
  const config = await put(
    Buffer.from(
      JSON.stringify({
        architecture: 'amd64',
        os: 'linux',
        config: {},
        rootfs: { type: 'layers', diff_ids: diffIds },
      }),
    ),
  );
  const manifest = await put(
    Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...config },
        layers: descriptors,
      }),
    ),
  );
  await writeFile(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  const index = {
    schemaVersion: 2,
    manifests: [
      {
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        ...manifest,
        annotations: { 'org.opencontainers.image.ref.name': 'v1' },
      },
    ],
  };
  await writeFile(join(folder, 'index.json'), JSON.stringify(index));
  return { layoutPath: folder, sizeBytes: layers.count * layers.sizeBytes };
}

/** One file of these bytes in a POSIX tar. */
function tarOf(content: Buffer): Buffer {
  const header = Buffer.alloc(512);
  header.write('data.bin', 0);
  header.write('0000644\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write('        ', 148);
  header.write('0', 156);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512);
  return Buffer.concat([header, content, padding, Buffer.alloc(1024)]);
}

/** Where a registry is and how skopeo signs in; `credentials` undefined = without. */
export type Peer = { host: string; credentials?: string | undefined };

/**
 * Seconds of one push of the layout to `repository:v1`. skopeo remembers where it saw blobs and would mount them instead of
 * sending: each push has a home of its own.
 */
export async function timePush(image: Image, peer: Peer, repository: string): Promise<number> {
  await using home = await createClientHome();
  const credentials = peer.credentials === undefined ? [] : ['--dest-creds', peer.credentials];
  const to = `docker://${peer.host}/${repository}:v1`;
  const args = ['copy', '-q', '--dest-tls-verify=false', ...credentials, `oci:${image.layoutPath}:v1`, to];
  return await timed(() => home.must('skopeo', args));
}

/** Seconds of one pull of `repository:v1` into a fresh folder. */
export async function timePull(peer: Peer, repository: string): Promise<number> {
  await using home = await createClientHome();
  const credentials = peer.credentials === undefined ? [] : ['--src-creds', peer.credentials];
  const from = `docker://${peer.host}/${repository}:v1`;
  const args = ['copy', '-q', '--src-tls-verify=false', ...credentials, from, `dir:${home.join('pulled')}`];
  return await timed(() => home.must('skopeo', args));
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await work();
  return (performance.now() - from) / 1000;
}

/** Manifest GETs a second by wrk with 32 connections; throws when an answer was not 2xx. */
export async function manifestRate(
  home: ClientHome,
  url: string,
  options: { seconds: number; authorization?: string | undefined },
): Promise<number> {
  const headers = ['-H', 'Accept: application/vnd.oci.image.manifest.v1+json'];
  if (options.authorization !== undefined) headers.push('-H', `Authorization: ${options.authorization}`);
  const { stdout } = await home.must('wrk', ['-t1', '-c32', `-d${options.seconds}s`, ...headers, url]);
  const wrong = /Non-2xx or 3xx responses: (\d+)/.exec(stdout);
  if (wrong) throw new Error(`${wrong[1]} manifest requests were refused`);
  const rate = /Requests\/sec:\s+([\d.]+)/.exec(stdout);
  if (!rate) throw new Error(`wrk said nothing of its rate: ${stdout}`);
  return Number(rate[1]);
}
