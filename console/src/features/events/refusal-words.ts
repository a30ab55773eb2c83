/** A refusal in words: who was refused, with what, on what, from where, and why. Pure; says only what the reader may see. */
import { reasonTexts, type ShownEvent } from '@tallyman/contract';
import { inWords } from '../../parts/time-text.ts';

export type Fact = { name: string; text: string };

/** Undefined for what succeeded. */
export function refusalFacts(event: ShownEvent): Fact[] | undefined {
  if (event.outcome === 'success') return undefined;
  const answer = answerText(event);
  return [
    { name: 'Who was refused', text: whoText(event) },
    { name: 'With which credential', text: credentialText(event) },
    { name: 'What was tried', text: triedText(event) },
    { name: 'From where', text: fromText(event) },
    { name: 'Why not', text: whyText(event) },
    ...(answer === undefined ? [] : [{ name: 'What it was told', text: answer }]),
  ];
}

function whoText({ actor, onBehalfOf, details, withheld }: ShownEvent): string {
  const { kind, id, name, proven } = actor;
  const onBehalf = onBehalfOf?.name === undefined ? '' : `, in the name of ${onBehalfOf.name}`;
  if (kind === 'anonymous') return 'Somebody who was not signed in';
  if (id === undefined) {
    const typed = typeof details.typedName === 'string' ? ` “${details.typedName}”` : '';
    return `Nobody known: no ${inWords(kind)} has the name${typed} that was given`;
  }
  const told = name ?? (withheld.includes('/actor/name') ? 'whose name was erased' : '');
  const account = `the ${inWords(kind)} ${told}`.trimEnd();
  return proven
    ? `${account.replace(/^t/, 'T')}${onBehalf}`
    : `Somebody who passed for ${account}${onBehalf}${onBehalf && ','} and did not prove it`;
}

function credentialText({ credential }: ShownEvent): string {
  const { kind, name, fingerprint, scopes } = credential;
  if (kind === 'none') return 'None';
  const words = inWords(kind);
  const told = [
    `${words.charAt(0).toUpperCase()}${words.slice(1)}${name === undefined ? '' : ` “${name}”`}`,
    ...(fingerprint === undefined ? [] : [`fingerprint ${fingerprint}`]),
    ...(scopes === undefined || scopes.length === 0 ? [] : [`limited to ${scopes.join(', ')}`]),
  ];
  return told.join(', ');
}

function triedText({ details, scope, target, request }: ShownEvent): string {
  const attempted = recordOf(details.attempted);
  const action = textOf(attempted.action);
  const project = scope.project?.path ?? textOf(attempted.project);
  const reference = textOf(attempted.reference) ?? target?.name;
  const place = project ?? scope.namespace?.name;
  const thing = [reference, place].filter((part) => part !== undefined).join(' in ');
  const route = request.method === undefined ? '' : ` (${request.method} ${request.route ?? ''})`;
  const verb = action === undefined ? 'Something' : inWords(action).replaceAll('.', ' ');
  return `${verb.charAt(0).toUpperCase()}${verb.slice(1)}${thing === '' ? '' : `: ${thing}`}${route.trimEnd()}`;
}

function fromText({ request, withheld }: ShownEvent): string {
  const agent = request.userAgent === undefined ? '' : `, by ${request.userAgent}`;
  if (request.ip !== undefined) return request.ip + agent;
  if (withheld.includes('/request/ip')) return 'An address that only owners and administrators may read';
  return request.protocol === 'internal' ? 'The server itself' : 'Not known';
}

function whyText({ reason, details, withheld }: ShownEvent): string {
  // Whoever was refused is not told whether what they asked for is hidden or missing.
  if (reason === undefined) return withheld.includes('/reason') ? hiddenText : 'Not recorded';
  const why = `${reasonTexts[reason]} (${reason})`;
  const held = textOf(details.roleHeld);
  const needed = textOf(details.roleNeeded);
  const roles =
    needed === undefined ? '' : `: ${roleText(held)} was held where ${roleText(needed)} is needed`;
  return `${why.charAt(0).toUpperCase()}${why.slice(1)}${roles}`;
}

function answerText({ request, details }: ShownEvent): string | undefined {
  const message = textOf(details.message);
  const status = request.status === undefined ? undefined : `Status ${request.status}`;
  if (message === undefined) return status;
  return status === undefined ? message : `${message} (${status.toLowerCase()})`;
}

const hiddenText = 'There is no such thing, or it is not theirs to use: its owners can read which';
const roleText = (role: string | undefined): string =>
  role === undefined || role === 'none' ? 'no role' : `the role ${role}`;
const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
const recordOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
