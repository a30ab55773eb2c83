/**
 * A running server with people, robots, tokens and projects of every kind, made over the management API: what scenarios
 * act in. Every credential knows how events must name it.
 */
import type { AuditEvent } from '@tallyman/contract';
import { createManagement, type Management } from './management.ts';
import { pushImage, type SmallImage, smallImage } from './registry-client.ts';
import { startTestServer, type TestServer, type TestServerOptions } from './server.ts';
import { createTrailReader, type TrailReader } from './trail-reader.ts';
import { basicAuth, createWire, type Wire } from './wire.ts';

type Scope = AuditEvent['scope'];

/** A secret with the user name it is presented with, and what events say of who presents it. */
export type Key = {
  username: string;
  secret: string;
  /** For `Authorization`. */
  basic: string;
  actor: AuditEvent['actor'];
  onBehalfOf?: AuditEvent['onBehalfOf'];
  credential: AuditEvent['credential'];
  /** Where its sign-ins stand. */
  home: Scope;
};

export type Person = { id: string; name: string; password: string; key: Key; home: Scope };

export interface World extends AsyncDisposable {
  readonly server: TestServer;
  readonly wire: Wire;
  readonly trail: TrailReader;
  /** As the administrator. */
  readonly admin: Management;
  as(person: Person): Management;
  readonly people: Readonly<Record<'olivia' | 'mara' | 'rita' | 'sam', Person>>;
  readonly acme: { id: string; home: Scope };
  readonly keys: Readonly<Record<KeyName, Key>>;
  /** `acme/app` is private, `acme/open` public; both hold `image` as `v1`. */
  readonly projects: Readonly<Record<'app' | 'open', { id: string; path: string; scope: Scope }>>;
  readonly image: SmallImage;
}

/** All but the robots act for mara, who is maintainer of acme/app; the organisation's robot is too. */
export type KeyName =
  | 'password'
  | 'userRobot'
  | 'organisationRobot'
  | 'oauthToken'
  | 'appToken'
  | 'accessToken';

const everything = [
  'project:read',
  'project:write',
  'project:delete',
  'account:read',
  'events:read',
] as const;

export async function openWorld(options: TestServerOptions = {}): Promise<World> {
  await using owned = new AsyncDisposableStack();
  const server = owned.use(await startTestServer(options));
  const wire = owned.use(createWire(server.url));
  if (options.admin === false) await setUp(server, wire);
  const admin = createManagement(wire, server.adminAuth.basic);
  const people = await createPeople(admin);
  const as = (person: Person): Management => createManagement(wire, person.key.basic);
  const acmeId = text((await as(people.olivia).call('POST', '/organisations', { name: 'acme' })).id);
  const acme = { id: acmeId, home: homeOf('organisation', acmeId, 'acme') };
  const keys = await createKeys({ as, people, acme });
  const image = smallImage();
  const projects = { app: await makeProject('app'), open: await makeProject('open') };
  await as(people.olivia).call('PUT', '/projects/container/acme%2Fopen/visibility', { visibility: 'public' });
  for (const [subject, role] of [
    ['user/mara', 'maintainer'],
    ['user/rita', 'reader'],
    ['robot/acme+ci', 'maintainer'],
  ] as const) {
    await as(people.olivia).call('PUT', `/projects/container/acme%2Fapp/roles/${encode(subject)}`, { role });
  }
  await as(people.mara).call('PUT', '/namespaces/mara/roles/robot/mara%2Bci', { role: 'maintainer' });
  const trail = await openTrail(wire, admin);
  await trail.mark();
  const held = owned.move();
  return {
    server,
    wire,
    trail,
    admin,
    as,
    people,
    acme,
    keys,
    projects,
    image,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };

  async function makeProject(name: string) {
    const path = `acme/${name}`;
    await pushImage(wire, { project: path, tag: 'v1', image }, { authorization: people.olivia.key.basic });
    const { id } = await as(people.olivia).call('GET', `/projects/container/acme%2F${name}`);
    return {
      id: text(id),
      path,
      scope: { ...acme.home, project: { format: 'container' as const, id: text(id), path } },
    };
  }
}

/** The one-time code stands on the terminal of whoever started the server. */
export function setupCodeOf(server: TestServer): string {
  const code = /\b[A-Z2-9]{5}(?:-[A-Z2-9]{5}){3}\b/.exec(server.logs())?.[0];
  if (code === undefined) throw new Error(`no one-time code was printed:\n${server.logs()}`);
  return code;
}

/** What the first-run page does. */
async function setUp(server: TestServer, wire: Wire): Promise<void> {
  const { username, password } = server.adminAuth;
  const json = { code: setupCodeOf(server), username, password };
  const answer = await wire.send({ method: 'POST', path: '/api/v1/setup', json });
  if (answer.status !== 201) throw new Error(`setup answered ${answer.status}: ${answer.text}`);
}

async function createPeople(admin: Management): Promise<World['people']> {
  const create = async (name: string): Promise<Person> => {
    const password = `the long password of ${name}`;
    const id = text((await admin.call('POST', '/users', { name, password })).id);
    const home = homeOf('user', id, name);
    const actor = { kind: 'user', id, name, proven: true } as const;
    const key = keyOf({
      username: name,
      secret: password,
      actor,
      credential: { kind: 'password', id },
      home,
    });
    return { id, name, password, home, key };
  };
  return {
    olivia: await create('olivia'),
    mara: await create('mara'),
    rita: await create('rita'),
    sam: await create('sam'),
  };
}

async function createKeys(parts: Pick<World, 'as' | 'people' | 'acme'>): Promise<World['keys']> {
  const { as, people, acme } = parts;
  const { mara, olivia } = people;
  const owner = as(olivia);
  const person = as(mara);
  const { actor, home } = mara.key;
  const scopes = [...everything];
  const token = async (kind: 'access_token' | 'app_token', username: string): Promise<Key> => {
    const name = `laptop ${kind}`;
    const made = await person.call('POST', '/me/tokens', { kind, name, scopes });
    return keyOf({
      username,
      secret: text(made.secret),
      actor,
      home,
      credential: { kind, ...named(made.token, name), scopes },
    });
  };
  const robot = async (
    by: Management,
    owned: { name: string; home: Scope; forPerson: boolean },
  ): Promise<Key> => {
    const made = await by.call('POST', `/robots/${owned.name}`, { name: 'ci' });
    const { id, token: present } = made.robot as unknown as { id: string; token: { id: string } };
    const name = `${owned.name}+ci`;
    return keyOf({
      username: name,
      secret: text(made.secret),
      actor: { kind: 'robot', id, name, proven: true },
      ...(owned.forPerson && { onBehalfOf: { kind: 'user', id: mara.id, name: mara.name } }),
      credential: { kind: 'robot_token', id: present.id, name },
      home: owned.home,
    });
  };
  const application = await owner.call('POST', '/organisations/acme/applications', { name: 'Deployer' });
  await owner.call('PUT', '/organisations/acme/members/mara', { role: 'member' });
  const granted = await person.call(
    'POST',
    `/organisations/acme/applications/${text(application.id)}/tokens`,
    {
      name: 'pipeline',
      scopes,
    },
  );
  return {
    password: mara.key,
    userRobot: await robot(person, { name: 'mara', home, forPerson: true }),
    organisationRobot: await robot(owner, { name: 'acme', home: acme.home, forPerson: false }),
    oauthToken: keyOf({
      username: '$oauthtoken',
      secret: text(granted.secret),
      actor,
      home: acme.home,
      credential: { kind: 'oauth_token', ...named(granted.token, 'pipeline'), scopes },
    }),
    appToken: await token('app_token', '$app'),
    accessToken: await token('access_token', 'mara'),
  };
}

/** An auditor of its own, so that no actor of a scenario reads the trail. */
async function openTrail(wire: Wire, admin: Management): Promise<TrailReader> {
  const password = 'the long password of the auditor';
  await admin.call('POST', '/users', { name: 'auditor', password, roles: ['auditor'] });
  const made = await createManagement(wire, basicAuth('auditor', password)).call('POST', '/me/tokens', {
    kind: 'access_token',
    name: 'reading',
    scopes: ['events:read'],
  });
  return createTrailReader(wire, `Bearer ${text(made.secret)}`);
}

function keyOf(key: Omit<Key, 'basic'>): Key {
  return { ...key, basic: basicAuth(key.username, key.secret) };
}

function homeOf(kind: 'user' | 'organisation', id: string, name: string): Scope {
  return { namespace: { kind, id, name } };
}

function named(token: unknown, name: string): { id: string; name: string } {
  return { id: (token as { id: string }).id, name };
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw new Error(`not a text: ${JSON.stringify(value)}`);
  return value;
}

function encode(subject: string): string {
  return subject.split('/').map(encodeURIComponent).join('/');
}
