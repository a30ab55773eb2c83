/** The configuration as the rest of the server gets it: parsed, completed, secrets wrapped. Read once, at start. */
import type { ConfigurationValues } from '@tallyman/contract';
import type { Secret } from '../stdx/secret.ts';

type Values = ConfigurationValues;

export type Config = {
  /** Absolute. */
  dataDir: string;
  /** Origin without a trailing slash. */
  publicUrl: string;
  /** `url` holds a password, perhaps: hand it to the database driver only. */
  database: { engine: 'sqlite'; path: string } | { engine: 'postgres'; url: Secret };
  /** Undefined = files in the data folder. */
  blobsUrl: string | undefined;
  http: { host: string; port: number; trustedProxies: readonly string[] };
  /** Paths; HTTPS when present. */
  tls: { certPath: string; keyPath: string } | undefined;
  /** For the first start only. */
  firstAdmin: { user: string; password: Secret } | undefined;
  session: Values['session'];
  log: Values['log'];
  /** Of the log of events. `keyPath` is absolute; `copies` are absolute folders and `s3://` URLs. */
  checkpoint: { origin: string | undefined; keyPath: string; copies: readonly string[]; copySeconds: number };
  metricsToken: Secret | undefined;
  trail: Values['trail'];
  garbage: Values['garbage'];
  fsck: Values['fsck'];
  limits: Values['limits'];
};

/** One thing that is wrong with the configuration. */
export type ConfigProblem = {
  /** As written in the file: `http.port`. */
  key: string;
  /** `TALLYMAN_HTTP_PORT` or the file's path. */
  source: string;
  message: string;
};

/** Everything that is wrong, at once, so that one look is enough to repair it. */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    const lines = problems.map(({ key, source, message }) => `  ${key} (${source}): ${message}`);
    super(`The configuration is not valid:\n${lines.join('\n')}`);
    this.name = 'ConfigError';
    this.problems = problems;
  }
}
