/**
 * Every configuration key, once: its place, type, unit, default and meaning. The reader (server/src/config) and the
 * reference page are made from it. `http.trustedProxies` here is `http: trusted_proxies:` in tallyman.yaml and
 * `TALLYMAN_HTTP_TRUSTED_PROXIES` in the environment.
 */
import { z } from 'zod';

export type ConfigurationKey<S extends z.ZodType = z.ZodType> = {
  /** Takes the text of an environment variable as well as the value of a YAML file. */
  schema: S;
  description: string;
  /** How values are written, for the reference page. */
  form: string;
  /** Shown instead of the schema's own default, when that depends on other keys. */
  defaultText?: string;
  example?: string;
  /** Never printed; the value arrives wrapped. */
  secret?: true;
};

function key<S extends z.ZodType>(declaration: ConfigurationKey<S>): ConfigurationKey<S> {
  return declaration;
}

const text = z.string('must be text').trim().min(1, 'must not be empty');

function fromText<S extends z.ZodType>(read: (text: string) => unknown, schema: S) {
  return z.preprocess((value) => (typeof value === 'string' ? read(value.trim()) : value), schema);
}

function integer(range: { min: number; max: number }) {
  const message = `must be a whole number from ${range.min} to ${range.max}`;
  const number = z.int(message).min(range.min, message).max(range.max, message);
  return fromText((value) => (/^\d+$/.test(value) ? Number(value) : value), number);
}

const byteUnits: Readonly<Record<string, number>> = {
  '': 1,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
  TIB: 2 ** 40,
};

function bytes(range: { min: number; max: number }) {
  const message = `must be a number of bytes from ${range.min} to ${range.max}, such as 1048576 or 1MiB`;
  const read = (value: string): unknown => {
    const match = /^(\d+) *([KMGT]iB)?$/i.exec(value);
    const unit = byteUnits[(match?.[2] ?? '').toUpperCase()];
    return match && unit !== undefined ? Number(match[1]) * unit : value;
  };
  return fromText(read, z.int(message).min(range.min, message).max(range.max, message));
}

function list() {
  const split = (value: string): string[] => value.split(',').map((part) => part.trim());
  return fromText(split, z.array(text, 'must be a list, or texts separated by commas').max(100));
}

/** A key name of C2SP signed notes: no spaces, no plus sign. */
const originForm = /^[A-Za-z0-9.[\]:-]+(\/[A-Za-z0-9._~-]+)*$/;

const byteForm = 'bytes, or with KiB, MiB, GiB';

export const configuration = {
  data: {
    title: 'Data folder',
    keys: {
      dir: key({
        schema: text.default('./data'),
        form: 'path',
        description:
          'The folder of everything this server keeps on the disk: the SQLite database, search index, blobs, uploads under way and keys. Made at the first start; one server at a time may use it.',
        example: '/var/lib/tallyman',
      }),
    },
  },
  http: {
    title: 'HTTP',
    keys: {
      host: key({
        schema: text.default('127.0.0.1'),
        form: 'address or host name',
        description:
          'Where to listen. `0.0.0.0` or `::` is every address of the machine: do that only with TLS or behind a proxy.',
        example: '0.0.0.0',
      }),
      port: key({
        schema: integer({ min: 1, max: 65_535 }).default(8080),
        form: 'port',
        description: 'The port of HTTP, or of HTTPS when `tls` is set.',
      }),
      trustedProxies: key({
        schema: list().default([]),
        form: 'list of addresses or CIDR ranges',
        description:
          'Proxies whose `X-Forwarded-For` is believed. With none, the header changes nothing and the address recorded is the one that connected. Name exactly your own proxies: whoever is named here can claim any address.',
        example: '10.0.0.5, fd00::/8',
      }),
    },
  },
  public: {
    title: 'Public address',
    keys: {
      url: key({
        schema: text.optional(),
        form: 'URL without a path',
        defaultText: 'made from `tls`, `http.host` and `http.port`',
        description:
          'How people and clients reach this server. It stands in the token challenge that container clients follow and in links, so set it whenever a proxy or another name is in front.',
        example: 'https://registry.example.org',
      }),
    },
  },
  tls: {
    title: 'TLS',
    keys: {
      cert: key({
        schema: text.optional(),
        form: 'path',
        description:
          'Certificate chain in PEM. With `tls.key`, the server speaks HTTPS only. Both files are read again on SIGHUP.',
        example: '/etc/tallyman/tls/fullchain.pem',
      }),
      key: key({
        schema: text.optional(),
        form: 'path',
        description: 'Private key in PEM, readable by the server alone.',
        example: '/etc/tallyman/tls/privkey.pem',
      }),
    },
  },
  ssh: {
    title: 'SSH',
    keys: {
      port: key({
        schema: integer({ min: 1, max: 65_535 }).default(2222),
        form: 'port',
        description: 'Reserved for Git over SSH. Nothing listens on it in this version.',
      }),
    },
  },
  database: {
    title: 'Database',
    keys: {
      url: key({
        schema: text.optional(),
        form: '`postgres://…` URL',
        defaultText: 'SQLite, `tallyman.db` in the data folder',
        description:
          'Where the trail and everything but blobs is kept. SQLite needs nothing else; PostgreSQL suits larger installations.',
        example: 'postgres://tallyman@db.example.org/tallyman',
        secret: true,
      }),
    },
  },
  blobs: {
    title: 'Blobs',
    keys: {
      url: key({
        schema: text.optional(),
        form: '`s3://bucket/prefix` URL with the parameters `endpoint`, `region`, `forcePathStyle`, `profile`',
        defaultText: 'the data folder',
        description:
          'Where the content of images is kept: files in the data folder, or an object storage that speaks S3. Its credentials are read as the AWS SDK reads them, from `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY` for instance, or from the `profile` of its shared file that the URL names.',
        example: 's3://tallyman-blobs/production?region=eu-central-1',
      }),
    },
  },
  admin: {
    title: 'First administrator',
    keys: {
      user: key({
        schema: text.optional(),
        form: 'user name',
        description:
          'Read only while there is no user at all: the first start then makes this administrator. Without it the first start prints a one-time code for the first-run page.',
        example: 'alice',
      }),
      password: key({
        schema: z.string('must be text').min(1, 'must not be empty').optional(),
        form: 'password',
        description:
          'The password of that administrator. Remove it from the configuration after the first start.',
        secret: true,
      }),
    },
  },
  session: {
    title: 'Sign-ins',
    keys: {
      idleMinutes: key({
        schema: integer({ min: 5, max: 43_200 }).default(720),
        form: 'minutes',
        description: 'A console session that is not used for so long ends.',
      }),
      longestHours: key({
        schema: integer({ min: 1, max: 8_760 }).default(168),
        form: 'hours',
        description: 'A console session ends after so long, used or not.',
      }),
      registryTokenSeconds: key({
        schema: integer({ min: 60, max: 3_600 }).default(300),
        form: 'seconds',
        description:
          'How long a token of `/v2/auth` is valid. Account, credential and role are looked at on every request anyway, so a longer time keeps nobody in who was disabled or revoked.',
      }),
    },
  },
  log: {
    title: 'Log',
    keys: {
      level: key({
        schema: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace']).default('info'),
        form: '`fatal`, `error`, `warn`, `info`, `debug` or `trace`',
        description:
          'The least severe line that is written. Lines are JSON on standard output and carry ids, never names or addresses.',
      }),
      requests: key({
        schema: z.enum(['errors', 'all']).default('errors'),
        form: '`errors` or `all`',
        description:
          'Which requests get a line: those answered with a 5xx, or all. A line holds route pattern, status, duration and request id. Who did what is told by the trail, not by the log.',
      }),
    },
  },
  checkpoint: {
    title: 'Checkpoints',
    keys: {
      origin: key({
        schema: z
          .string('must be text')
          .trim()
          .max(200, 'must be at most 200 characters')
          .regex(originForm, 'must be a host, with a port and path perhaps, without scheme, spaces and "+"')
          .refine((name) => !/(^|\/)\.+(\/|$)/.test(name), 'must not have a part of dots only')
          .optional(),
        form: 'URL without a scheme',
        defaultText: 'at the first start made from `public.url`, with `/log`; then kept with the key',
        description:
          'The name of the log, the first line of every checkpoint. It never changes once the log has a key: a name set here that is not the one the key was made for is refused.',
        example: 'registry.example.org/log',
      }),
      key: key({
        schema: text.optional(),
        form: 'path',
        defaultText: '`log/key` in the data folder',
        description:
          'The file of the key that signs checkpoints, made at the first start and readable by the server alone. Keep it outside of the backups of the database: whoever has both can write another history. Beside it stand the public key (`.pub`) and, during a rotation, the next one (`.next`).',
        example: '/etc/tallyman/log.key',
      }),
      copies: key({
        schema: list().default([]),
        form: 'list of folders or `s3://bucket/prefix` URLs as in `blobs.url`',
        description:
          'Where every checkpoint is written besides, each as a file or object that is never changed or deleted by the server. With rights of their own (append-only, another account, a `profile` of its own in the URL) they show at the next start that the database was rolled back.',
        example: '/mnt/worm/checkpoints, s3://audit-witness/tallyman?region=eu-central-1',
      }),
      copySeconds: key({
        schema: integer({ min: 1, max: 3_600 }).default(10),
        form: 'seconds',
        description: 'At most one checkpoint in so long is written to the copies; the newest one always is.',
      }),
    },
  },
  metrics: {
    title: 'Metrics',
    keys: {
      token: key({
        schema: z
          .string('must be text')
          .regex(/^[\x21-\x7e]{16,200}$/, 'must be 16 to 200 printable characters without spaces')
          .optional(),
        form: '16 to 200 characters',
        defaultText: 'none: `/metrics` answers only to this machine itself',
        description:
          'When set, `/metrics` answers to everybody who sends it as a bearer token, and to nobody else. When not set, it answers only connections from loopback that no proxy forwarded.',
        secret: true,
      }),
    },
  },
  trail: {
    title: 'Trail',
    keys: {
      readsWhenUnwritable: key({
        schema: z.enum(['refuse', 'allow'], 'must be refuse or allow').default('refuse'),
        form: '`refuse` or `allow`',
        description:
          'What becomes of pulls while the trail cannot be written, because the disk is full or the database does not answer. `refuse`: they get 503 until it can. `allow`: those that can still be served are answered without an event; they are counted, and the count is one event (`trail.reads.omit`) once the trail can be written again. Changes are refused either way.',
      }),
    },
  },
  garbage: {
    title: 'Garbage collection',
    keys: {
      intervalMinutes: key({
        schema: integer({ min: 1, max: 10_080 }).default(60),
        form: 'minutes',
        description:
          'How long after one pass of garbage collection began the next one begins. A pass that still runs is let finish first.',
      }),
      graceHours: key({
        schema: integer({ min: 1, max: 8_760 }).default(24),
        form: 'hours',
        description:
          'Content that no manifest names is kept so long after it was last pushed, mounted or asked for with HEAD. Longer than the slowest push takes, and than a backup takes.',
      }),
      uploadHours: key({
        schema: integer({ min: 1, max: 8_760 }).default(24),
        form: 'hours',
        description: 'An upload to which nothing was added for so long is given up.',
      }),
      untaggedDays: key({
        schema: integer({ min: 1, max: 36_500 }).optional(),
        form: 'days',
        defaultText: 'none: manifests without a tag are kept',
        description:
          'When set, a manifest that has no tag, that no index names and that refers to no other manifest is removed so long after its push. Whoever pulls by digest then loses what lost its tag: set it only where everything in use is tagged.',
        example: '90',
      }),
      expirySeconds: key({
        schema: integer({ min: 1, max: 86_400 }).default(60),
        form: 'seconds',
        description: 'How often the server looks for tags whose time has come, and deletes them.',
      }),
    },
  },
  fsck: {
    title: 'Self-audit',
    keys: {
      intervalHours: key({
        schema: integer({ min: 0, max: 8_760 }).default(24),
        form: 'hours; 0 = never',
        description:
          'How long after one pass over everything stored ended the next one begins. It checks what `tallyman fsck` checks, without reading the content of blobs; what it finds is an event and a metric.',
      }),
      percent: key({
        schema: integer({ min: 1, max: 100 }).default(10),
        form: 'percent',
        description: 'Share of the time that a pass works; the rest of it, it rests. One thread.',
      }),
    },
  },
  limits: {
    title: 'Limits',
    keys: {
      connections: key({
        schema: integer({ min: 10, max: 1_000_000 }).default(10_000),
        form: 'number',
        description: 'Connections open at once; more are closed as they come.',
      }),
      connectionsPerSource: key({
        schema: integer({ min: 1, max: 1_000_000 }).default(1_000),
        form: 'number',
        description:
          'Connections open at once from one IPv4 address or one IPv6 /64. Loopback and trusted proxies are exempt.',
      }),
      headerBytes: key({
        schema: bytes({ min: 4_096, max: 2 ** 20 }).default(16 * 2 ** 10),
        form: byteForm,
        description: 'Request line and headers together; longer ones get 431.',
      }),
      bodyBytes: key({
        schema: bytes({ min: 1_024, max: 2 ** 30 }).default(2 ** 20),
        form: byteForm,
        description:
          'A request body that is held in memory, such as JSON. Manifests and blobs have limits of their own.',
      }),
      apiCallsPerMinute: key({
        schema: integer({ min: 60, max: 10_000_000 }).default(12_000),
        form: 'calls per minute',
        description:
          'Calls of the management API that one credential may make within a minute; without a credential, one IPv4 address or IPv6 /64. More get 429 with `Retry-After`. The registry (`/v2/`) is not limited.',
      }),
      manifestBytes: key({
        schema: bytes({ min: 2 ** 16, max: 2 ** 26 }).default(4 * 2 ** 20),
        form: byteForm,
        description: 'One manifest. The OCI specification asks registries to accept at least 4 MiB.',
      }),
      blobBytes: key({
        schema: bytes({ min: 2 ** 20, max: 2 ** 50 }).default(20 * 2 ** 30),
        form: byteForm,
        description: 'One blob.',
      }),
      bodyBytesPerSecond: key({
        schema: bytes({ min: 1, max: 2 ** 30 }).default(512),
        form: `${byteForm} per second`,
        description:
          'The slowest a request body may arrive, on average over thirty seconds, while the server waits for it. Slower ones get 408; a resumable upload keeps what had arrived.',
      }),
      headerTimeoutSeconds: key({
        schema: integer({ min: 1, max: 600 }).default(15),
        form: 'seconds',
        description: 'How long a client may take to send the headers of a request.',
      }),
      idleTimeoutSeconds: key({
        schema: integer({ min: 5, max: 86_400 }).default(300),
        form: 'seconds',
        description: 'A connection on which nothing moved for so long in the middle of a request is closed.',
      }),
      keepAliveSeconds: key({
        schema: integer({ min: 1, max: 3_600 }).default(65),
        form: 'seconds',
        description:
          'How long an idle connection is kept for the next request; longer than a proxy in front keeps it.',
      }),
      stopSeconds: key({
        schema: integer({ min: 1, max: 3_600 }).default(30),
        form: 'seconds',
        description: 'How long requests under way may take to finish when the server is stopped.',
      }),
    },
  },
} as const satisfies Record<string, { title: string; keys: Record<string, ConfigurationKey> }>;

type Sections = typeof configuration;
/** The parsed values, before secrets are wrapped and defaults that depend on other keys are filled in. */
export type ConfigurationValues = {
  [S in keyof Sections]: {
    [K in keyof Sections[S]['keys']]: Sections[S]['keys'][K] extends ConfigurationKey<infer Z>
      ? z.infer<Z>
      : never;
  };
};

/** Environment variables that are no configuration of the server: they tell the command line where to look and whom to ask. */
export const clientVariables = {
  TALLYMAN_CONFIG:
    'Path of the configuration file. Default: `tallyman.yaml` in the working directory, if there is one.',
  TALLYMAN_URL:
    'The server that `tallyman events`, `tail`, `export` and `admin` ask. Default: `http://127.0.0.1:8080`.',
  TALLYMAN_TOKEN: 'The access token they present.',
} as const;
