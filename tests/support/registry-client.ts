/** The registry's protocol, request by request, for tests that need to know what each of them was answered. */
import { createHash, randomBytes } from 'node:crypto';
import type { Wire, WireAnswer } from './wire.ts';

export const manifestType = 'application/vnd.oci.image.manifest.v1+json';
export const indexType = 'application/vnd.oci.image.index.v1+json';
const layerType = 'application/vnd.oci.image.layer.v1.tar';
const configType = 'application/vnd.oci.image.config.v1+json';

export type Content = { bytes: Buffer; digest: string };
export type SmallImage = { config: Content; layers: Content[]; manifest: Content };

export function contentOf(bytes: Uint8Array | string): Content {
  const content = Buffer.from(bytes as Uint8Array);
  return { bytes: content, digest: `sha256:${createHash('sha256').update(content).digest('hex')}` };
}

/** Random unless bytes are given. The layers are no archives: the registry does not look into them. */
export function smallImage(layers: readonly Uint8Array[] = [randomBytes(200)]): SmallImage {
  const parts = layers.map(contentOf);
  const config = contentOf(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: {},
      rootfs: { type: 'layers', diff_ids: parts.map(({ digest }) => digest) },
    }),
  );
  const describe = (mediaType: string, { bytes, digest }: Content): object => ({
    mediaType,
    digest,
    size: bytes.length,
  });
  const manifest = contentOf(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: manifestType,
      config: describe(configType, config),
      layers: parts.map((part) => describe(layerType, part)),
    }),
  );
  return { config, layers: parts, manifest };
}

export type As = { authorization?: string | undefined; agent?: string };

function headersOf({ authorization, agent }: As): Record<string, string | undefined> {
  return { authorization, 'user-agent': agent };
}

/** end-4a and end-6. The first answer that is not as it should be is returned, else the last. */
export async function pushBlob(wire: Wire, project: string, blob: Content, as: As): Promise<WireAnswer> {
  const begun = await wire.send({
    method: 'POST',
    path: `/v2/${project}/blobs/uploads/`,
    headers: headersOf(as),
  });
  if (begun.status !== 202) return begun;
  return finishUpload(wire, begun.headers.location ?? '', blob, as);
}

export function finishUpload(wire: Wire, location: string, blob: Content, as: As): Promise<WireAnswer> {
  const path = location.replace(/^https?:\/\/[^/]+/, '');
  return wire.send({
    method: 'PUT',
    path: `${path}${path.includes('?') ? '&' : '?'}digest=${blob.digest}`,
    headers: { ...headersOf(as), 'content-type': 'application/octet-stream' },
    body: blob.bytes,
  });
}

export function putManifest(
  wire: Wire,
  put: { project: string; reference: string; manifest: Content; mediaType?: string },
  as: As,
): Promise<WireAnswer> {
  return wire.send({
    method: 'PUT',
    path: `/v2/${put.project}/manifests/${put.reference}`,
    headers: { ...headersOf(as), 'content-type': put.mediaType ?? manifestType },
    body: put.manifest.bytes,
  });
}

/** Everything in order; throws at the first answer that is not 201. */
export async function pushImage(
  wire: Wire,
  push: { project: string; tag: string; image: SmallImage },
  as: As,
): Promise<void> {
  const { project, tag, image } = push;
  for (const blob of [...image.layers, image.config]) requireCreated(await pushBlob(wire, project, blob, as));
  requireCreated(await putManifest(wire, { project, reference: tag, manifest: image.manifest }, as));
}

function requireCreated(answer: WireAnswer): void {
  if (answer.status !== 201) throw new Error(`answered ${answer.status}: ${answer.text}`);
}

export function getManifest(wire: Wire, project: string, reference: string, as: As): Promise<WireAnswer> {
  return wire.send({
    path: `/v2/${project}/manifests/${reference}`,
    headers: { ...headersOf(as), accept: `${manifestType}, ${indexType}` },
  });
}

/** What a challenged client does: asks the token endpoint for a scope. */
export async function registryToken(
  wire: Wire,
  scope: string | undefined,
  as: As & { headers?: Record<string, string> },
): Promise<string> {
  const query = scope === undefined ? '' : `?service=test&scope=${encodeURIComponent(scope)}`;
  const answer = await wire.send({
    path: `/v2/auth${query}`,
    headers: { ...headersOf(as), ...as.headers },
  });
  if (answer.status !== 200) throw new Error(`answered ${answer.status}: ${answer.text}`);
  return `Bearer ${(answer.json() as { token: string }).token}`;
}
