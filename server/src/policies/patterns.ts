/**
 * Patterns that people type: RE2 syntax, matched against the whole name in time linear in its length, whatever they
 * typed. What costs more than a name is worth is refused where it is entered, so that matching can stand inside a push.
 */
import { policyLimits } from '@tallyman/contract';
import { RE2JS, RE2JSSyntaxException, RE2Set } from 're2js';
import { AppError } from '../domain/error.ts';

/** Names are ASCII, and tables of Unicode classes are large. */
const flags = RE2JS.DISABLE_UNICODE_GROUPS;
/** Instructions of one compiled pattern. */
const mostInstructions = 150;
/** Of all patterns of a namespace, or of a project, together. */
export const mostInstructionsTogether = 6_000;

/** Throws `unprocessable` naming the position; returns what the pattern costs, in instructions. */
export function requirePattern(pattern: string): number {
  const { patternChars } = policyLimits;
  if (pattern.length > patternChars) {
    throw refused(`it is longer than ${patternChars} characters`, patternChars);
  }
  const odd = pattern.search(/[^\t\x20-\x7e]/);
  if (odd >= 0) throw refused('names hold no such character', odd);
  const compiled = compile(pattern);
  const cost = compiled.programSize();
  if (cost > mostInstructions) {
    throw refused('it repeats too much: write fewer or smaller counts in braces', firstCount(pattern));
  }
  return cost;
}

function compile(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern, flags);
  } catch (error) {
    if (!(error instanceof RE2JSSyntaxException)) throw error;
    const { what, fragment } = toldOf(error);
    throw refused(what, positionOf(pattern, fragment, what));
  }
}

/** `position` counts characters from 0. */
function refused(why: string, position: number): AppError {
  return new AppError(
    'unprocessable',
    `The pattern cannot be used: ${why}, at position ${position}. Patterns are regular expressions in RE2 syntax, without look-around and back-references.`,
    { reason: 'request_invalid', details: { field: 'pattern', position } },
  );
}

function toldOf(error: unknown): { what: string; fragment: string } {
  const told = error as { error?: unknown; input?: unknown };
  return { what: String(told.error ?? 'it is malformed'), fragment: String(told.input ?? '') };
}

/** The first place where the pattern, read up to there, fails in the same way. */
function positionOf(pattern: string, fragment: string, what: string): number {
  if (fragment === '' || fragment === pattern) return Math.max(0, unclosed(pattern));
  const first = pattern.indexOf(fragment);
  for (let at = first; at >= 0; at = pattern.indexOf(fragment, at + 1)) {
    if (failsAlike(pattern.slice(0, at + fragment.length), { what, fragment })) return at;
  }
  return Math.max(0, first);
}

function failsAlike(start: string, like: { what: string; fragment: string }): boolean {
  try {
    RE2JS.compile(start, flags);
    return false;
  } catch (error) {
    const told = toldOf(error);
    return told.what === like.what && told.fragment === like.fragment;
  }
}

/** Where the innermost bracket stands that nothing closes, or the first that closes nothing. */
function unclosed(pattern: string): number {
  const open: number[] = [];
  let inClass = -1;
  for (let at = 0; at < pattern.length; at++) {
    const sign = pattern[at];
    if (sign === '\\') at++;
    else if (inClass >= 0) {
      if (sign === ']' && at > inClass + 1) inClass = -1;
    } else if (sign === '[') inClass = at;
    else if (sign === '(') open.push(at);
    else if (sign === ')' && open.pop() === undefined) return at;
  }
  return inClass >= 0 ? inClass : (open.at(-1) ?? 0);
}

function firstCount(pattern: string): number {
  return Math.max(0, pattern.search(/\{\d/));
}

/** Many patterns asked at once. */
export class PatternSet {
  readonly #set: RE2Set | undefined;

  constructor(patterns: readonly string[]) {
    if (patterns.length === 0) return;
    this.#set = new RE2Set(RE2Set.ANCHOR_BOTH, flags);
    for (const pattern of patterns) this.#set.add(pattern);
    this.#set.compile();
  }

  /** Which of them match the whole name, in no order. */
  match(name: string): readonly number[] {
    return this.#set?.match(name) ?? [];
  }
}
