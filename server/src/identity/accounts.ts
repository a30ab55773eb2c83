/**
 * What identity knows of namespaces, users, robots, credentials and applications, remembered because every request asks.
 * One cache per database: whoever commits a change through it reaches every reader. Indexes by name or hash only lead
 * to an id; what they lead to is compared again, so a rename needs no search through them.
 */
import type { Db } from '../db/store.ts';
import { AppError } from '../domain/error.ts';
import { isNamespaceName } from '../domain/names.ts';
import { BoundedCache } from '../stdx/bounded-cache.ts';
import { identityLimits } from './limits.ts';
import {
  selectApplication,
  selectCredential,
  selectCredentialByHash,
  selectLivingNamespace,
  selectLivingRobot,
  selectNamespace,
  selectRobot,
  selectUser,
  selectUserByEmail,
} from './rows.ts';
import { hashSecret } from './secrets.ts';
import type { ApplicationState, CredentialState, NamespaceState, RobotState, UserState } from './states.ts';

const caches = new WeakMap<Db, Accounts>();

export function accountsOf(db: Db): Accounts {
  let found = caches.get(db);
  if (!found) {
    found = new Accounts(db);
    caches.set(db, found);
  }
  return found;
}

export class Accounts {
  readonly #db: Db;
  readonly #namespaces = new BoundedCache<NamespaceState>(identityLimits.cacheEntries);
  readonly #users = new BoundedCache<UserState>(identityLimits.cacheEntries);
  readonly #robots = new BoundedCache<RobotState>(identityLimits.cacheEntries);
  readonly #credentials = new BoundedCache<CredentialState>(identityLimits.cacheEntries);
  readonly #applications = new BoundedCache<ApplicationState>(identityLimits.cacheEntries);
  /** Name, e-mail, robot name or secret hash -> id. */
  readonly #ids = new BoundedCache<string>(identityLimits.cacheEntries * 2);

  constructor(db: Db) {
    this.#db = db;
  }

  /** Deleted ones too. */
  async findNamespaceById(id: string): Promise<NamespaceState | undefined> {
    return this.#namespaces.get(id) ?? this.#namespaces.load(id, () => selectNamespace(this.#db.read, id));
  }

  async getNamespace(id: string): Promise<NamespaceState> {
    const found = await this.findNamespaceById(id);
    if (!found)
      throw new AppError('not_found', 'There is no such user or organisation.', {
        reason: 'namespace_unknown',
      });
    return found;
  }

  /** Living ones only. */
  async findNamespace(name: string): Promise<NamespaceState | undefined> {
    if (!isNamespaceName(name)) return undefined;
    const id = this.#ids.get(`n ${name}`);
    const known = id === undefined ? undefined : await this.findNamespaceById(id);
    if (known?.name === name && !known.deleted) return known;
    const found = await selectLivingNamespace(this.#db.read, name);
    if (found !== undefined) this.#ids.set(`n ${name}`, found);
    return found === undefined ? undefined : this.findNamespaceById(found);
  }

  /** Deleted ones too. */
  async findUser(id: string): Promise<UserState | undefined> {
    return this.#users.get(id) ?? this.#users.load(id, () => selectUser(this.#db.read, id));
  }

  /** By what somebody typed: a name, or an e-mail address. Living ones only. */
  async findUserByLogin(login: string): Promise<UserState | undefined> {
    const email = parseEmail(login);
    if (email !== undefined) return this.#findUserByEmail(email);
    const namespace = await this.findNamespace(login);
    return namespace?.kind === 'user' ? this.findUser(namespace.id) : undefined;
  }

  async #findUserByEmail(email: string): Promise<UserState | undefined> {
    const id = this.#ids.get(`e ${email}`);
    const known = id === undefined ? undefined : await this.findUser(id);
    if (known?.email === email) return known;
    const found = await selectUserByEmail(this.#db.read, email);
    if (found !== undefined) this.#ids.set(`e ${email}`, found);
    return found === undefined ? undefined : this.findUser(found);
  }

  /** Deleted ones too. */
  async findRobot(id: string): Promise<RobotState | undefined> {
    return this.#robots.get(id) ?? this.#robots.load(id, () => selectRobot(this.#db.read, id));
  }

  /** Living ones only. */
  async findRobotByName(namespaceId: string, short: string): Promise<RobotState | undefined> {
    const key = `r ${namespaceId} ${short}`;
    const id = this.#ids.get(key);
    const known = id === undefined ? undefined : await this.findRobot(id);
    if (known?.short === short && known.namespaceId === namespaceId && !known.deleted) return known;
    const found = await selectLivingRobot(this.#db.read, namespaceId, short);
    if (found !== undefined) this.#ids.set(key, found);
    return found === undefined ? undefined : this.findRobot(found);
  }

  /** Dead ones too. */
  async findCredential(id: string): Promise<CredentialState | undefined> {
    return this.#credentials.get(id) ?? this.#credentials.load(id, () => selectCredential(this.#db.read, id));
  }

  /** Dead ones too. */
  async findCredentialBySecret(secret: string): Promise<CredentialState | undefined> {
    const hash = hashSecret(secret);
    const id = this.#ids.get(`s ${hash}`);
    const known = id === undefined ? undefined : await this.findCredential(id);
    if (known?.hash === hash) return known;
    const found = await selectCredentialByHash(this.#db.read, hash);
    if (found !== undefined) this.#ids.set(`s ${hash}`, found);
    return found === undefined ? undefined : this.findCredential(found);
  }

  /** Deleted ones too. */
  async findApplication(id: string): Promise<ApplicationState | undefined> {
    return (
      this.#applications.get(id) ?? this.#applications.load(id, () => selectApplication(this.#db.read, id))
    );
  }

  /** After a commit that changed them; a user's id is its namespace's. */
  forgetNamespace(id: string): void {
    this.#namespaces.delete(id);
    this.#users.delete(id);
  }

  forgetRobots(ids: Iterable<string>): void {
    for (const id of ids) this.#robots.delete(id);
  }

  forgetCredentials(ids: Iterable<string>): void {
    for (const id of ids) this.#credentials.delete(id);
  }

  forgetApplication(id: string): void {
    this.#applications.delete(id);
  }
}

/** Lower-cased; undefined when it is none. Control characters and lone surrogates never reach the database. */
export function parseEmail(text: string): string | undefined {
  return text.length <= 254 && /^[^\s@\p{C}]+@[^\s@\p{C}]+$/u.test(text) ? text.toLowerCase() : undefined;
}
