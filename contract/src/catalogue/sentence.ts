/**
 * The sentence people read, made from the catalogue and the fields that are present: one that was erased or withheld
 * cannot come back through it.
 */
import type { CredentialKind, PrincipalKind } from '../event.ts';
import { reasonTexts } from '../reasons.ts';
import { declarationOf, type EventType, isEventType } from './catalogue.ts';

/** What the sentence needs of an event; stored, shown and masked events all fit. */
export type Narrated = {
  type: string;
  reason?: string | undefined;
  actor?: { kind?: PrincipalKind; name?: string | undefined } | undefined;
  credential?: { kind?: CredentialKind; name?: string | undefined } | undefined;
  scope?:
    | {
        namespace?: { name?: string | undefined } | undefined;
        project?: { path?: string | undefined } | undefined;
      }
    | undefined;
  target?: { kind?: string; name?: string | undefined } | undefined;
  details?: Record<string, unknown>;
};

/** `path` is set on what came from the event, so that a page can link or mark it. */
export type SentencePart = { text: string; path?: string };

const actorTexts: Record<PrincipalKind, string> = {
  user: 'a user',
  robot: 'a robot',
  deploy_key: 'a deploy key',
  deploy_token: 'a deploy token',
  publisher: 'a trusted publisher',
  system: 'the server',
  anonymous: 'somebody not signed in',
};

const credentialTexts: Record<CredentialKind, string> = {
  password: 'a password',
  session: 'a console session',
  access_token: 'an access token',
  app_token: 'an app token',
  oauth_token: 'an OAuth token',
  robot_token: 'a robot token',
  deploy_token: 'a deploy token',
  deploy_key: 'a deploy key',
  ssh_key: 'an SSH key',
  publisher_token: 'a publisher token',
  none: 'no credential',
};

export function sentenceParts(event: Narrated): SentencePart[] {
  if (!isEventType(event.type)) return [{ text: event.type }];
  const parts = piecesOf(event.type).map((piece) =>
    typeof piece === 'string' ? { text: piece } : filled(piece, event),
  );
  const first = parts[0];
  if (first && first.path === undefined)
    first.text = first.text.charAt(0).toUpperCase() + first.text.slice(1);
  return parts;
}

export function sentenceOf(event: Narrated): string {
  let sentence = '';
  for (const { text } of sentenceParts(event)) sentence += text;
  return sentence;
}

/** A text, or the paths of which one is to be filled in. */
type Piece = string | readonly string[];
const piecesByType = new Map<EventType, readonly Piece[]>();

/** The template of a type, taken apart once. */
function piecesOf(type: EventType): readonly Piece[] {
  let pieces = piecesByType.get(type);
  if (!pieces) {
    pieces = declarationOf(type)
      .sentence.split(/(\{[^}]*\})/)
      .filter((piece) => piece !== '')
      .map((piece) => (piece.startsWith('{') ? piece.slice(1, -1).split('|') : piece));
    piecesByType.set(type, pieces);
  }
  return pieces;
}

/** The first of the paths that the event holds; a word for the first when it holds none. */
function filled(paths: readonly string[], event: Narrated): SentencePart {
  for (const path of paths) {
    const text = fieldText(path, event);
    if (text !== undefined) return { text, path };
  }
  return { text: substitute(paths[0] as string, event) };
}

function fieldText(path: string, event: Narrated): string | undefined {
  switch (path) {
    case 'actor':
      return event.actor?.name;
    case 'target':
      return event.target?.name;
    case 'namespace':
      return event.scope?.namespace?.name;
    case 'project':
      return event.scope?.project?.path;
    case 'credential':
      return credentialText(event);
    case 'reason':
      return event.reason === undefined ? undefined : reasonText(event.reason);
    default:
      return path.startsWith('details.')
        ? detailText(path.slice('details.'.length), event.details)
        : undefined;
  }
}

function credentialText({ credential }: Narrated): string | undefined {
  if (credential?.kind === undefined) return undefined;
  const kind = credentialTexts[credential.kind] ?? credential.kind;
  return credential.name === undefined ? kind : `${kind} (${credential.name})`;
}

function reasonText(reason: string): string {
  return Object.hasOwn(reasonTexts, reason) ? reasonTexts[reason as keyof typeof reasonTexts] : reason;
}

function detailText(path: string, details: Record<string, unknown> | undefined): string | undefined {
  let value: unknown = details;
  for (const key of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}

function substitute(path: string, event: Narrated): string {
  if (path === 'actor') return actorTexts[event.actor?.kind ?? 'user'] ?? 'somebody';
  if (path === 'target')
    return event.target?.kind === undefined ? 'something' : `a ${event.target.kind.replaceAll('_', ' ')}`;
  if (path === 'namespace') return 'a namespace';
  if (path === 'project') return 'a project';
  return path === 'reason' ? 'there is no such thing, or it is not theirs to use' : '…';
}
