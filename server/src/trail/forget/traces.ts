/**
 * Which private entries of an event identify somebody. What is another's stays: a name beside another id, the address
 * from which somebody else acted, a longer name that merely contains this one.
 */
import { addressBytes } from '../address.ts';
import { type OpenEvent, openStored, type StoredEvent } from '../projected-row.ts';

/** Who is to be forgotten; plain data, for other threads. Names are lower-cased and in NFC. */
export type Traces = {
  /** Of a user: the account's id, which is also its namespace's. */
  userId?: string;
  /** Robots of the user's namespace. */
  robotIds: string[];
  names: string[];
  /** Names of others that contain one of these: not to be mistaken for it. */
  others: string[];
  /** Of an address to be forgotten, or of a user those that the user acted from. 16 bytes, hexadecimal. */
  addresses: string[];
};

/** What one event tells of a user that the account does not: former names and e-mails, and where the user acted from. */
export type Learned = { names: string[]; address?: string };

export type TraceFinder = {
  /** Pointers of the entries to remove; none when the event has no trace. */
  find(stored: StoredEvent): string[];
  learn(stored: StoredEvent): Learned | undefined;
};

/** Fields of account events that speak of the account itself, whatever they say. */
const ofAccount = new Set([
  '/details/email',
  '/details/from',
  '/details/to',
  '/details/typedName',
  '/details/note',
  '/details/repeats/samples',
]);

/** What somebody wrote about things of their own namespace, whatever it says. */
const ownWords = /^\/details\/(?:description|name|note|reason)(?:\/|$)/;

export function normalName(text: string): string {
  return text.normalize('NFC').toLowerCase();
}

export function traceFinder(traces: Traces): TraceFinder {
  const { userId } = traces;
  const spoken = wordFinder(traces);
  const mayConcern = rawFilter(traces);
  const addresses = new Set(traces.addresses);
  const robots = new Set(traces.robotIds);
  const isTheirs = (id: string | undefined): boolean => id !== undefined && (id === userId || robots.has(id));

  const find = (stored: StoredEvent): string[] => {
    if (stored.fields === null || !mayConcern(stored)) return [];
    const event = openStored(stored);
    const entries = Object.entries(JSON.parse(stored.fields) as Record<string, [string, unknown]>);
    const theirs = actsAs(event, { isTheirs, spoken, addresses, userId });
    const isTrace = ([pointer, [, value]]: [string, [string, unknown]]): boolean => {
      switch (pointer) {
        case '/request/ip':
          return theirs || (userId === undefined && isAddress(value, addresses));
        case '/request/userAgent':
          return theirs || spoken(value);
        case '/credential/name':
        case '/credential/fingerprint':
          return isTheirs(event.actor.id) || spoken(value);
        case '/actor/name':
          return owned(event.actor.id, value);
        case '/onBehalfOf/name':
          return owned(event.onBehalfOf?.id, value);
        case '/target/name':
          return isTheirsTarget(event, userId) || owned(event.target?.id, value);
        case '/scope/namespace/name':
          return isTheirs(event.scope.namespace?.id);
        case '/scope/project/path':
          return isTheirs(event.scope.namespace?.id);
        default:
          return (
            (ofAccount.has(pointer) && isOwnAccountEvent(event, userId)) ||
            (ownWords.test(pointer) && isTheirs(event.scope.namespace?.id)) ||
            (pointer === '/details/subject' && isTheirs(event.details.subjectId as string | undefined)) ||
            spoken(value) ||
            (userId === undefined && addresses.size > 0 && namesAddress(value, addresses))
          );
      }
    };
    /** A name beside an id is that id's; one without is whatever it says. */
    const owned = (id: string | undefined, value: unknown): boolean =>
      id === undefined ? spoken(value) : isTheirs(id);
    return entries.filter(isTrace).map(([pointer]) => pointer);
  };

  const learn = (stored: StoredEvent): Learned | undefined => {
    if (userId === undefined || !stored.body.includes(userId)) return undefined;
    return learnOf(openStored(stored), userId);
  };
  return { find, learn };
}

type Acting = {
  isTheirs: (id: string | undefined) => boolean;
  spoken: (value: unknown) => boolean;
  addresses: ReadonlySet<string>;
  userId: string | undefined;
};

/**
 * Whether where it came from is theirs: a proven act of theirs or in their name; an attempt on their account only from
 * an address that is known to be theirs, because it may have been anybody; or an attempt under a name that is nobody's.
 */
function actsAs({ actor, onBehalfOf, details, request }: OpenEvent, of: Acting): boolean {
  if (of.isTheirs(onBehalfOf?.id)) return true;
  if (of.isTheirs(actor.id)) return actor.proven || isAddress(request.ip, of.addresses);
  if (of.userId !== undefined) return false;
  return actor.id === undefined && (of.spoken(actor.name) || of.spoken(details.typedName));
}

/** Tokens, sessions and robots in the user's own namespace: what they are called is the user's words. */
function isTheirsTarget({ scope, target }: OpenEvent, userId: string | undefined): boolean {
  if (userId === undefined || scope.namespace?.id !== userId || target === undefined) return false;
  return /token|session|robot|user|project|namespace/.test(target.kind);
}

function isOwnAccountEvent({ type, scope, target }: OpenEvent, userId: string | undefined): boolean {
  if (userId === undefined || !type.startsWith('account.')) return false;
  return scope.namespace?.id === userId || target?.id === userId;
}

function learnOf(
  { type, actor, onBehalfOf, scope, target, request, details }: OpenEvent,
  id: string,
): Learned {
  const names: unknown[] = [];
  if (actor.id === id) names.push(actor.name);
  if (onBehalfOf?.id === id) names.push(onBehalfOf.name);
  if (target?.id === id) names.push(target.name);
  if (scope.namespace?.id === id) names.push(scope.namespace.name);
  if (details.subjectId === id) names.push(details.subject);
  const own = type.startsWith('account.') && (target?.id === id || scope.namespace?.id === id);
  if (own && target?.id === id) names.push(details.email, details.from, details.to);
  const acted = (actor.id === id && actor.proven) || onBehalfOf?.id === id;
  const address = acted && typeof request.ip === 'string' ? hexOf(request.ip) : undefined;
  const texts = names.filter((name): name is string => typeof name === 'string' && name.length > 0);
  return { names: texts.map(normalName), ...(address !== undefined && { address }) };
}

export function hexOf(address: string): string | undefined {
  return addressBytes(address)?.toString('hex');
}

function isAddress(value: unknown, addresses: ReadonlySet<string>): boolean {
  if (typeof value !== 'string' || addresses.size === 0) return false;
  const hex = hexOf(value);
  return hex !== undefined && addresses.has(hex);
}

function namesAddress(value: unknown, addresses: ReadonlySet<string>): boolean {
  return textsIn(value).some((text) =>
    text.split(/[^0-9a-fA-F:.]+/).some((word) => isAddress(word.replace(/[.:]+$/, ''), addresses)),
  );
}

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

/** Whether any text within a value says one of the names as a word of its own. */
function wordFinder({ names, others }: Pick<Traces, 'names' | 'others'>): (value: unknown) => boolean {
  if (names.length === 0) return () => false;
  const longestFirst = names.toSorted((left, right) => right.length - left.length);
  const words = longestFirst.map((name) => name.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|');
  const pattern = new RegExp(`(?<![\\p{L}\\p{N}])(?:${words})(?![\\p{L}\\p{N}])`, 'gu');
  const notTheirs = new Set(others);
  return (value) =>
    textsIn(value).some((given) => {
      const text = normalName(given);
      return text.matchAll(pattern).some((match) => !notTheirs.has(nameAround(text, match)));
    });
}

/** The whole of the name that a match lies in: `alice-smith` for `alice`. */
function nameAround(text: string, match: RegExpExecArray): string {
  const before = /[\p{L}\p{N}._-]*$/u.exec(text.slice(0, match.index))?.[0] ?? '';
  const after = /^[\p{L}\p{N}._-]*/u.exec(text.slice(match.index + match[0].length))?.[0] ?? '';
  return `${before}${match[0]}${after}`.replace(/^[._-]+|[._-]+$/g, '');
}

/** A look at the stored texts that tells most events apart without parsing them. */
function rawFilter({ userId, names, addresses }: Traces): (stored: StoredEvent) => boolean {
  // Only of plain letters is the stored spelling known; other names are looked for in every event.
  const plain = names.every((name) => /^[ -~]*$/.test(name));
  const spelt = names.map((name) => JSON.stringify(name).slice(1, -1));
  const byAddress = userId === undefined && addresses.length > 0;
  return ({ body, fields }) => {
    if (userId !== undefined && body.includes(userId)) return true;
    if (!plain || byAddress) return true;
    const text = (fields ?? '').toLowerCase();
    return spelt.some((name) => text.includes(name));
  };
}
