/** The client of an S3 storage, the same for everything that is kept in one. */
import { S3Client } from '@aws-sdk/client-s3';
import type { S3Location } from './s3-url.ts';

const connectTimeoutMs = 5_000;
/** Without a byte either way. */
const idleTimeoutMs = 60_000;
const maxSockets = 256;
const silent = (): void => {};
const silentLogger = { trace: silent, debug: silent, info: silent, warn: silent, error: silent };

export function createS3Client(location: S3Location): S3Client {
  return new S3Client({
    ...(location.endpoint === undefined ? {} : { endpoint: location.endpoint }),
    ...(location.region === undefined ? {} : { region: location.region }),
    ...(location.profile === undefined ? {} : { profile: location.profile }),
    forcePathStyle: location.forcePathStyle,
    // Many storages do not know the trailing checksums that the SDK would add; a single put carries its SHA-256 itself.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // Its warnings would go to the console; what went wrong is in the error.
    logger: silentLogger,
    requestHandler: {
      connectionTimeout: connectTimeoutMs,
      socketTimeout: idleTimeoutMs,
      httpAgent: { maxSockets },
      httpsAgent: { maxSockets },
    },
  });
}
