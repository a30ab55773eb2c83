/**
 * Beside a running server two things that are read one after the other may differ because something changed between.
 * What is really wrong is found again by a second look; for a stopped server one look is enough.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type CheckName, type Finding, keyOf, type Tell, tellOf } from './findings.ts';

export type SecondLook = (check: CheckName, look: (tell: Tell) => Promise<void>) => Promise<void>;

const looks = 3;

/** `waitMs` undefined: nobody changes anything meanwhile. */
export function secondLookOf(add: (finding: Finding) => void, waitMs: number | undefined): SecondLook {
  return async (check, look) => {
    let found = await findingsOf(check, look);
    for (let again = 1; waitMs !== undefined && found.size > 0 && again < looks; again++) {
      await sleep(waitMs);
      const anew = await findingsOf(check, look);
      found = new Map([...found].filter(([key]) => anew.has(key)));
    }
    for (const finding of found.values()) add(finding);
  };
}

async function findingsOf(
  check: CheckName,
  look: (tell: Tell) => Promise<void>,
): Promise<Map<string, Finding>> {
  const found = new Map<string, Finding>();
  await look(tellOf(check, (finding) => found.set(keyOf(finding), finding)));
  return found;
}
