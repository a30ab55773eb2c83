/** What no single key can say: defaults that follow from other keys, and keys that only make sense together. */
import { resolve } from 'node:path';
import type { ConfigurationValues } from '@tallyman/contract';
import ipaddr from 'ipaddr.js';
import { Secret } from '../stdx/secret.ts';
import type { Config, ConfigProblem } from './config.ts';

type Values = ConfigurationValues;
type SourceOf = (yaml: string) => string;

export function complete(values: Values, sourceOf: SourceOf): { config: Config; problems: ConfigProblem[] } {
  const problems: ConfigProblem[] = [];
  const wrong = (key: string, message: string): void => {
    problems.push({ key, source: sourceOf(key), message });
  };
  const dataDir = resolve(values.data.dir);
  const tls = tlsOf(values.tls, wrong);
  for (const proxy of values.http.trustedProxies) {
    if (!isRange(proxy)) wrong('http.trusted_proxies', `"${proxy}" is no address and no CIDR range`);
  }
  const config: Config = {
    dataDir,
    publicUrl: publicUrlOf(values, tls !== undefined, wrong),
    database: databaseOf(values.database.url, dataDir, wrong),
    blobsUrl: blobsUrlOf(values.blobs.url, wrong),
    http: values.http,
    tls,
    firstAdmin: firstAdminOf(values.admin, wrong),
    session: values.session,
    log: values.log,
    checkpoint: checkpointOf(values.checkpoint, dataDir, wrong),
    metricsToken: values.metrics.token === undefined ? undefined : new Secret(values.metrics.token),
    trail: values.trail,
    garbage: values.garbage,
    fsck: values.fsck,
    limits: values.limits,
  };
  return { config, problems };
}

type Wrong = (key: string, message: string) => void;

function tlsOf({ cert, key }: Values['tls'], wrong: Wrong): Config['tls'] {
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined) wrong('tls.cert', 'is missing: tls.key needs the certificate that belongs to it');
  if (key === undefined) wrong('tls.key', 'is missing: tls.cert needs the private key that belongs to it');
  return cert === undefined || key === undefined
    ? undefined
    : { certPath: resolve(cert), keyPath: resolve(key) };
}

function isRange(text: string): boolean {
  return text.includes('/') ? ipaddr.isValidCIDR(text) : ipaddr.isValid(text);
}

function publicUrlOf(values: Values, tls: boolean, wrong: Wrong): string {
  const { host, port } = values.http;
  if (values.public.url === undefined) {
    const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host;
    return new URL(`${tls ? 'https' : 'http'}://${name}:${port}`).origin;
  }
  const url = URL.canParse(values.public.url) ? new URL(values.public.url) : undefined;
  const fits =
    url !== undefined &&
    /^https?:$/.test(url.protocol) &&
    url.pathname === '/' &&
    url.search + url.hash + url.username === '';
  if (!fits)
    wrong(
      'public.url',
      'must be a URL with http or https and without a path, such as https://registry.example.org',
    );
  return url?.origin ?? '';
}

function databaseOf(url: string | undefined, dataDir: string, wrong: Wrong): Config['database'] {
  if (url === undefined) return { engine: 'sqlite', path: resolve(dataDir, 'tallyman.db') };
  if (!/^postgres(ql)?:\/\//.test(url) || !URL.canParse(url))
    wrong('database.url', 'must be a postgres:// URL');
  return { engine: 'postgres', url: new Secret(url) };
}

function blobsUrlOf(url: string | undefined, wrong: Wrong): string | undefined {
  if (url === undefined) return undefined;
  if (!url.startsWith('s3://') || !URL.canParse(url)) wrong('blobs.url', 'must be an s3://bucket/prefix URL');
  return url;
}

function checkpointOf(
  { origin, key, copies, copySeconds }: Values['checkpoint'],
  dataDir: string,
  wrong: Wrong,
): Config['checkpoint'] {
  const places = copies.map((place) => (place.includes('://') ? place : resolve(place)));
  for (const place of places) {
    if (place.includes('://') && !(place.startsWith('s3://') && URL.canParse(place)))
      wrong('checkpoint.copies', 'must be folders or s3://bucket/prefix URLs');
  }
  if (new Set(places).size < places.length) wrong('checkpoint.copies', 'names a place twice');
  return { origin, keyPath: resolve(key ?? `${dataDir}/log/key`), copies: places, copySeconds };
}

function firstAdminOf({ user, password }: Values['admin'], wrong: Wrong): Config['firstAdmin'] {
  if (user === undefined && password === undefined) return undefined;
  if (user === undefined) wrong('admin.user', 'is missing: admin.password is the password of somebody');
  if (password === undefined) wrong('admin.password', 'is missing: the first administrator needs a password');
  return user === undefined || password === undefined ? undefined : { user, password: new Secret(password) };
}
