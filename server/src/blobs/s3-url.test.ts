import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AppError } from '../domain/error.ts';
import { parseS3Url } from './s3-url.ts';

describe('parseS3Url', () => {
  it('reads every part', () => {
    assert.deepEqual(
      parseS3Url('s3://quay/a/b/?endpoint=http://127.0.0.1:9000&region=eu-central-1&forcePathStyle=true'),
      {
        bucket: 'quay',
        prefix: 'a/b/',
        endpoint: 'http://127.0.0.1:9000/',
        region: 'eu-central-1',
        forcePathStyle: true,
      },
    );
    assert.equal(parseS3Url('s3://quay?profile=witness').profile, 'witness');
    assert.deepEqual(parseS3Url('s3://quay'), { bucket: 'quay', prefix: '', forcePathStyle: false });
  });

  it('refuses everything else without repeating it', () => {
    const wrong = [
      '',
      'quay',
      'http://quay',
      's3:',
      's3://',
      's3://Quay',
      's3://q',
      's3://quay:1/',
      's3://quay#x',
    ];
    wrong.push(
      's3://key:geheim@quay/',
      's3://quay/a%2fb',
      's3://quay/a//b',
      's3://quay/a b',
      's3://quay?secret=geheim',
    );
    wrong.push(
      's3://quay?region=EU',
      's3://quay?profile=a/b',
      's3://quay?forcePathStyle=yes',
      's3://quay?endpoint=ftp://x',
    );
    wrong.push('s3://quay?endpoint=http://key:geheim@x', 's3://quay?endpoint=x');
    for (const text of wrong) {
      assert.throws(
        () => parseS3Url(text),
        (error) => error instanceof AppError && error.code === 'invalid' && !error.message.includes('geheim'),
        text,
      );
    }
  });
});
