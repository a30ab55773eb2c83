import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forAll } from '../../../tests/support/seeded-random.ts';
import { AppError } from '../domain/error.ts';
import { parseManifest } from './manifest-schema.ts';

const imageType = 'application/vnd.oci.image.manifest.v1+json';
const indexType = 'application/vnd.oci.image.index.v1+json';
const configType = 'application/vnd.oci.image.config.v1+json';
const layerType = 'application/vnd.oci.image.layer.v1.tar+gzip';
const digest = (digit: string) => `sha256:${digit.repeat(64)}`;
const descriptor = (digit: string, mediaType = layerType) => ({ mediaType, digest: digest(digit), size: 3 });
const image = {
  schemaVersion: 2,
  mediaType: imageType,
  config: descriptor('c', configType),
  layers: [descriptor('1')],
};

const parse = (json: unknown, contentType?: string) =>
  parseManifest(Buffer.from(JSON.stringify(json)), contentType);
const refused = (json: unknown, field: string, contentType?: string) =>
  assert.throws(
    () => parse(json, contentType),
    (error: AppError) => error.reason === 'manifest_invalid' && error.details.field === field,
    `${field}: ${JSON.stringify(json).slice(0, 200)}`,
  );

test('an image names its config and its layers, each once', () => {
  const layers = [descriptor('1'), descriptor('2'), descriptor('1')];
  assert.deepEqual(parse({ ...image, layers }, `${imageType}; charset=utf-8`), {
    mediaType: imageType,
    artifactType: configType,
    subject: undefined,
    blobs: [digest('c'), digest('1'), digest('2')],
    children: [],
    annotations: undefined,
  });
});

test('layers that may not be handed on are not asked for', () => {
  const foreign = [
    'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
    'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
  ];
  const layers = [
    ...foreign.map((type, at) => ({ ...descriptor(String(at), type), urls: ['https://example.org/x'] })),
    descriptor('9'),
  ];
  assert.deepEqual(parse({ ...image, layers }).blobs, [digest('c'), digest('9')]);
});

test('an index names manifests and may have a type, a subject and annotations', () => {
  const index = {
    schemaVersion: 2,
    mediaType: indexType,
    manifests: [descriptor('a', imageType)],
    artifactType: 'application/x',
    subject: descriptor('5', imageType),
    annotations: { b: '2', a: '1' },
  };
  assert.deepEqual(parse(index), {
    mediaType: indexType,
    artifactType: 'application/x',
    subject: digest('5'),
    blobs: [],
    children: [digest('a')],
    annotations: '{"b":"2","a":"1"}',
  });
  assert.deepEqual(parse({ ...index, manifests: [] }).children, []);
});

test('artifacts: a type of its own before the type of the config; without a config; as an artifact manifest', () => {
  assert.equal(parse({ ...image, artifactType: 'application/x' }).artifactType, 'application/x');
  assert.equal(parse({ ...image, artifactType: '' }).artifactType, configType);
  const { config: _, ...bare } = image;
  assert.deepEqual(parse({ ...bare, artifactType: 'application/x' }).blobs, [digest('1')]);
  refused(bare, 'config');
  const artifact = {
    mediaType: 'application/vnd.oci.artifact.manifest.v1+json',
    artifactType: 'application/x',
    blobs: [descriptor('1')],
  };
  assert.deepEqual(parse(artifact).blobs, [digest('1')]);
});

test('the media type: field, header or shape', () => {
  const { mediaType: _, ...untyped } = image;
  assert.equal(parse(untyped).mediaType, imageType);
  assert.equal(parse(untyped, 'application/json').mediaType, imageType);
  const docker = 'application/vnd.docker.distribution.manifest.v2+json';
  assert.equal(parse(untyped, docker).mediaType, docker);
  assert.equal(parse({ schemaVersion: 2, manifests: [] }).mediaType, indexType);
  refused(image, 'mediaType', indexType);
  for (const type of ['text/html', 'application/vnd.docker.distribution.manifest.v1+prettyjws']) {
    assert.throws(() => parse({ ...image, mediaType: type }), {
      code: 'unsupported',
      reason: 'media_type_unsupported',
    });
    assert.throws(() => parse(untyped, type), { code: 'unsupported', reason: 'media_type_unsupported' });
  }
});

test('what is wrong is named', () => {
  refused([], 'body');
  refused('text', 'body');
  refused({ ...image, schemaVersion: 1 }, 'schemaVersion');
  refused({ ...image, mediaType: 5 }, 'mediaType');
  refused({ ...image, manifests: [] }, 'manifests');
  refused({ schemaVersion: 2, mediaType: indexType, manifests: [], layers: [] }, 'layers');
  refused({ schemaVersion: 2, mediaType: indexType }, 'manifests');
  refused({ ...image, layers: {} }, 'layers');
  refused({ ...image, layers: [null] }, 'layers[0]');
  refused(
    { ...image, layers: [descriptor('1'), { ...descriptor('2'), digest: 'sha256:12' }] },
    'layers[1].digest',
  );
  refused(
    { ...image, layers: [{ ...descriptor('2'), digest: `sha256:${'A'.repeat(64)}` }] },
    'layers[0].digest',
  );
  refused({ ...image, layers: [{ ...descriptor('2'), size: -1 }] }, 'layers[0].size');
  refused({ ...image, layers: [{ ...descriptor('2'), size: 1.5 }] }, 'layers[0].size');
  refused({ ...image, layers: [{ ...descriptor('2'), size: '3' }] }, 'layers[0].size');
  refused({ ...image, layers: [{ ...descriptor('2'), mediaType: '' }] }, 'layers[0].mediaType');
  refused({ ...image, layers: [{ ...descriptor('2'), urls: 'https://example.org' }] }, 'layers[0].urls');
  refused({ ...image, layers: [{ ...descriptor('2'), data: 7 }] }, 'layers[0].data');
  refused({ ...image, annotations: { a: 1 } }, 'annotations');
  refused({ ...image, subject: 'x' }, 'subject');
  refused({ ...image, artifactType: 1 }, 'artifactType');
  refused({ ...image, layers: Array.from({ length: 10_001 }, () => descriptor('1')) }, 'layers');
  for (const bytes of [
    Buffer.from('{"a":'),
    Buffer.from([0x7b, 0xff, 0x7d]),
    Buffer.alloc(0),
    Buffer.from('['.repeat(200_000)),
  ]) {
    assert.throws(() => parseManifest(bytes, imageType), { code: 'invalid', reason: 'manifest_invalid' });
  }
});

test('hostile bytes are refused or read, never anything else', () => {
  const whole = Buffer.from(JSON.stringify({ ...image, annotations: { a: 'b' }, subject: descriptor('5') }));
  return forAll(3_000, (random) => {
    const bytes = Buffer.from(whole);
    for (let flips = random.integer({ min: 1, max: 4 }); flips > 0; flips--) {
      bytes[random.integer({ min: 0, max: bytes.length - 1 })] = random.integer({ min: 0, max: 255 });
    }
    try {
      assert.equal(typeof parseManifest(bytes, undefined).mediaType, 'string');
    } catch (error) {
      assert.ok(error instanceof AppError, String(error));
      assert.match(error.code, /^(?:invalid|unsupported)$/);
    }
  });
});
