/**
 * Where blobs are in an object storage, as the operator writes it:
 *   s3://bucket/prefix?endpoint=http://127.0.0.1:9000&region=eu-central-1&forcePathStyle=true
 * Credentials never stand in it: they come from the SDK's default chain (environment, shared file, instance role), or
 * from the profile it names in the shared file, where two places need different ones.
 */
import { invalid } from '../domain/error.ts';

export interface S3Location {
  readonly bucket: string;
  /** Empty, or a path that ends in a slash. */
  readonly prefix: string;
  /** Absent for Amazon's own. */
  readonly endpoint?: string;
  /** Absent to let the SDK find it. */
  readonly region?: string;
  readonly forcePathStyle: boolean;
  /** Absent for the default chain. */
  readonly profile?: string;
}

const field = 'blobs.url';
const bucketForm = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const prefixForm = /^(?:[A-Za-z0-9_-][A-Za-z0-9._-]*(?:\/|$))*$/;
const regionForm = /^[a-z0-9-]{1,64}$/;
const profileForm = /^[A-Za-z0-9_.@-]{1,64}$/;
const parameters = new Set(['endpoint', 'region', 'forcePathStyle', 'profile']);

/** Throws `invalid` with a message that says what to write and never repeats the text, which may hold a secret by mistake. */
export function parseS3Url(text: string): S3Location {
  const url = URL.parse(text);
  if (url?.protocol !== 's3:') throw invalid(field, 'must look like s3://bucket/prefix?region=…');
  if (url.username || url.password)
    throw invalid(field, 'must hold no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY');
  if (url.port || url.hash || !bucketForm.test(url.hostname))
    throw invalid(field, 'does not name a bucket after s3://');
  const path = url.pathname.replace(/^\/+|\/+$/g, '');
  if (!prefixForm.test(path))
    throw invalid(field, 'has a prefix with other than letters, digits, "-", "_", "." and "/"');
  for (const name of url.searchParams.keys()) {
    if (!parameters.has(name))
      throw invalid(field, 'knows only the parameters endpoint, region, forcePathStyle and profile');
  }
  const endpoint = parseEndpoint(url.searchParams.get('endpoint'));
  const region = url.searchParams.get('region');
  if (region !== null && !regionForm.test(region)) throw invalid(field, 'has a malformed region');
  const profile = url.searchParams.get('profile');
  if (profile !== null && !profileForm.test(profile)) throw invalid(field, 'has a malformed profile');
  const style = url.searchParams.get('forcePathStyle') ?? 'false';
  if (style !== 'true' && style !== 'false') throw invalid(field, 'needs forcePathStyle to be true or false');
  return {
    bucket: url.hostname,
    prefix: path === '' ? '' : `${path}/`,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === null ? {} : { region }),
    forcePathStyle: style === 'true',
    ...(profile === null ? {} : { profile }),
  };
}

function parseEndpoint(text: string | null): string | undefined {
  if (text === null) return undefined;
  const url = URL.parse(text);
  if (!url || !['http:', 'https:'].includes(url.protocol) || url.username || url.password) {
    throw invalid(field, 'needs endpoint to be an http or https URL without credentials');
  }
  return url.href;
}
