/**
 * What a manifest must be, by media type (OCI image-spec 1.1 "Image Manifest", "Image Index", "Content Descriptors";
 * Docker image manifest version 2, schema 2; the artifact manifest of the image-spec's 1.1 candidates). Written by hand:
 * it meets hostile input of 4 MiB. Fields it does not know are kept as they are, for the bytes are stored unchanged.
 *
 * The set of media types is closed. The type becomes the Content-Type of the answer, and a type of the pusher's own
 * choice could make a browser run what it reads.
 */
import { isUtf8 } from 'node:buffer';
import type { Reason } from '@tallyman/contract';
import { type Digest, parseDigest } from '../domain/digest.ts';
import { AppError } from '../domain/error.ts';

export const indexType = 'application/vnd.oci.image.index.v1+json';
const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const artifactManifestType = 'application/vnd.oci.artifact.manifest.v1+json';

type Kind = 'image' | 'index' | 'artifact';
const kinds: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  [manifestType, 'image'],
  ['application/vnd.docker.distribution.manifest.v2+json', 'image'],
  [indexType, 'index'],
  ['application/vnd.docker.distribution.manifest.list.v2+json', 'index'],
  [artifactManifestType, 'artifact'],
]);

/** Layers that may not be handed on: their bytes are elsewhere, so they are never asked for (image-spec 1.0 §layer). */
const nonDistributable =
  /^application\/vnd\.(?:oci\.image\.layer\.nondistributable\.v1\.|docker\.image\.rootfs\.foreign\.)/;

/** Things one manifest may name. */
const maxDescriptors = 10_000;
const maxTypeLength = 255;
/** RFC 6838 §4.2 allows less; what is not printable could be kept in no event, and in not every database. */
const printable = /^[\x20-\x7e]+$/;

export type Manifest = {
  mediaType: string;
  /** As the referrers API shows it; undefined when there is none. */
  artifactType: string | undefined;
  subject: Digest | undefined;
  /** Content that must be in the project: config and layers; each once. */
  blobs: readonly Digest[];
  /** What an index names: manifests, seldom blobs; each once. */
  children: readonly Digest[];
  /** JSON object; undefined when there are none. */
  annotations: string | undefined;
};

type Json = { readonly [key: string]: unknown };
type Descriptor = { mediaType: string; digest: Digest };

/** `contentType` is the header as sent. Throws manifest_invalid or media_type_unsupported, naming the field. */
export function parseManifest(bytes: Buffer, contentType: string | undefined): Manifest {
  const json = parseJson(bytes);
  const mediaType = mediaTypeOf(json, contentType);
  const kind = kinds.get(mediaType);
  if (kind === undefined) throw unsupported(mediaType);
  if (kind !== 'artifact' && json.schemaVersion !== 2) throw flaw('schemaVersion', 'must be 2');
  const parts =
    kind === 'image' ? imageParts(json) : kind === 'index' ? indexParts(json) : artifactParts(json);
  const annotations = annotationsOf(json);
  return {
    mediaType,
    subject: json.subject === undefined ? undefined : descriptor(json.subject, 'subject').digest,
    annotations,
    ...parts,
  };
}

function parseJson(bytes: Buffer): Json {
  let json: unknown;
  try {
    if (isUtf8(bytes)) json = JSON.parse(bytes.toString('utf8'));
  } catch {
    // What is wrong with the syntax is the client's to find out; the text may hold anything.
  }
  if (!isObject(json)) throw flaw('body', 'must be a JSON object in UTF-8');
  return json;
}

/** The field and the header must agree; without both, the shape decides between the two OCI types. */
function mediaTypeOf(json: Json, contentType: string | undefined): string {
  const header = contentType?.split(';', 1)[0]?.trim().toLowerCase();
  const field = json.mediaType;
  if (field !== undefined && typeof field !== 'string') throw flaw('mediaType', 'must be a text');
  if (field !== undefined && field !== '') {
    if (header !== undefined && header !== '' && kinds.has(header) && header !== field) {
      throw flaw('mediaType', `is not the Content-Type of the request, which is ${header}`);
    }
    return field;
  }
  if (header !== undefined && kinds.has(header)) return header;
  if (header !== undefined && header !== '' && !/^application\/(?:json|octet-stream)$/.test(header))
    throw unsupported(header);
  return json.manifests === undefined ? manifestType : indexType;
}

/** A document that is both a manifest and an index means different things to different readers. */
function refuseField(json: Json, ...fields: string[]): void {
  for (const field of fields)
    if (json[field] !== undefined) throw flaw(field, 'does not belong in a manifest of this media type');
}

function imageParts(json: Json) {
  refuseField(json, 'manifests');
  const artifactType = textField(json, 'artifactType');
  // Strictly a config must be there; old artifacts were pushed without.
  const config =
    json.config === undefined && artifactType !== undefined ? undefined : descriptor(json.config, 'config');
  const layers = descriptors(json.layers ?? [], 'layers');
  return {
    artifactType: artifactType ?? config?.mediaType,
    blobs: digestsOf([...(config ? [config] : []), ...layers]),
    children: [],
  };
}

function indexParts(json: Json) {
  refuseField(json, 'config', 'layers');
  const children = descriptors(json.manifests, 'manifests');
  return { artifactType: textField(json, 'artifactType'), blobs: [], children: digestsOf(children) };
}

function artifactParts(json: Json) {
  refuseField(json, 'manifests', 'config', 'layers');
  const blobs = descriptors(json.blobs ?? [], 'blobs');
  return { artifactType: textField(json, 'artifactType'), blobs: digestsOf(blobs), children: [] };
}

function digestsOf(list: readonly Descriptor[]): Digest[] {
  const digests = new Set<Digest>();
  for (const { mediaType, digest } of list) if (!nonDistributable.test(mediaType)) digests.add(digest);
  return [...digests];
}

function descriptors(value: unknown, field: string): Descriptor[] {
  if (!Array.isArray(value)) throw flaw(field, 'must be a list');
  if (value.length > maxDescriptors) throw flaw(field, `may have at most ${maxDescriptors} entries`);
  return value.map((entry, at) => descriptor(entry, `${field}[${at}]`));
}

/** Image-spec 1.1 "Content Descriptors". */
function descriptor(value: unknown, field: string): Descriptor {
  if (!isObject(value)) throw flaw(field, 'must be a descriptor');
  const { mediaType, size, urls, data, annotations } = value;
  if (typeof mediaType !== 'string' || mediaType.length > maxTypeLength || !printable.test(mediaType)) {
    throw flaw(`${field}.mediaType`, 'must be a media type');
  }
  const digest = typeof value.digest === 'string' ? parseDigest(value.digest) : undefined;
  if (digest === undefined)
    throw flaw(`${field}.digest`, 'must be a sha256 or sha512 digest in lower-case hex');
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
    throw flaw(`${field}.size`, 'must be a number of bytes');
  if (urls != null && !(Array.isArray(urls) && urls.every((url) => typeof url === 'string'))) {
    throw flaw(`${field}.urls`, 'must be a list of texts');
  }
  if (data != null && typeof data !== 'string') throw flaw(`${field}.data`, 'must be base64');
  if (annotations != null && !isTextMap(annotations))
    throw flaw(`${field}.annotations`, 'must map texts to texts');
  return { mediaType, digest };
}

function annotationsOf({ annotations }: Json): string | undefined {
  if (annotations == null) return undefined;
  if (!isTextMap(annotations)) throw flaw('annotations', 'must map texts to texts');
  return Object.keys(annotations).length === 0 ? undefined : JSON.stringify(annotations);
}

function textField(json: Json, field: string): string | undefined {
  const value = json[field];
  if (value == null || value === '') return undefined;
  if (typeof value !== 'string' || value.length > maxTypeLength || !printable.test(value))
    throw flaw(field, `must be a printable text of at most ${maxTypeLength} characters`);
  return value;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTextMap(value: unknown): value is Readonly<Record<string, string>> {
  return isObject(value) && Object.values(value).every((text) => typeof text === 'string');
}

function flaw(field: string, what: string, reason: Reason = 'manifest_invalid'): AppError {
  return new AppError('invalid', `The manifest is invalid: ${field} ${what}.`, {
    reason,
    details: { field },
  });
}

function unsupported(mediaType: string): AppError {
  const types = [...kinds.keys()].join(', ');
  return new AppError(
    'unsupported',
    `Manifests of the type "${mediaType.slice(0, 100)}" are not kept here. Known are ${types}.`,
    {
      reason: 'media_type_unsupported',
      details: { field: 'mediaType' },
    },
  );
}
