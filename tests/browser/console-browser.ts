/**
 * The console in a real Chromium, in a profile of its own. Everything the browser complains about is kept, so that a
 * test can end with `browser.assertQuiet()`: no violated policy, no error, nothing from another origin.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import axe from 'axe-core';
import { type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { chromiumArgs, clientSkip, findClient } from '../support/clients.ts';
import type { TestServer } from '../support/server.ts';
import { createTempFolder } from '../support/temp-folder.ts';

export const browserSkip = clientSkip('chromium');

export type Account = { name: string; password: string };

export interface ConsoleBrowser extends AsyncDisposable {
  readonly page: Page;
  /** Opens an address of the console and waits until the page says what it is. */
  open(path: string): Promise<void>;
  /** Signs in through the form, and waits until somebody is. */
  signIn(who: Account): Promise<void>;
  /** Fills in and sends the sign-in form of the page that is open, whatever comes of it. */
  sendSignIn(who: Account): Promise<void>;
  /** Refused requests (4xx) that the test brings about; each is otherwise a complaint. */
  expectRefusals(...statuses: number[]): void;
  /** What axe finds in the page as it is now: none. `where` names it in the failure; `except` are rules not to ask. */
  assertAccessible(where: string, except?: readonly string[]): Promise<void>;
  assertQuiet(): void;
}

type Options = Pick<BrowserContextOptions, 'colorScheme' | 'viewport' | 'timezoneId'>;

export async function openConsole(url: string, options: Options = {}): Promise<ConsoleBrowser> {
  const built = resolve(import.meta.dirname, '../../console/dist/index.html');
  if (!existsSync(built)) throw new Error('the console is not built: npm run build --workspace console');
  await using owned = new AsyncDisposableStack();
  const profile = owned.use(await createTempFolder('chromium'));
  const executablePath = findClient('chromium');
  if (executablePath === undefined) throw new Error('Chromium is not installed');
  const context = await chromium.launchPersistentContext(profile.path, {
    executablePath,
    args: [...chromiumArgs],
    headless: true,
    viewport: { width: 1280, height: 800 },
    acceptDownloads: true,
    ...options,
  });
  owned.defer(() => context.close());
  const page = context.pages()[0] ?? (await context.newPage());
  page.setDefaultTimeout(15_000);
  const complaints: string[] = [];
  const refusals: number[] = [];
  collectComplaints(page, url, complaints, refusals);
  const open = async (path: string): Promise<void> => {
    await page.goto(url + path);
    await page.getByRole('heading', { level: 1 }).waitFor();
    // Nothing is being waited for any more.
    await page.getByText('Loading…').first().waitFor({ state: 'detached' });
  };
  const sendSignIn = async ({ name, password }: Account): Promise<void> => {
    await page.getByLabel('User name').fill(name);
    await page.getByRole('textbox', { name: 'Password' }).fill(password);
    await page.getByRole('button', { name: 'Sign in' }).click();
  };
  const held = owned.move();
  return {
    page,
    open,
    sendSignIn,
    signIn: async (who) => {
      await open('/sign-in');
      await sendSignIn(who);
      await page.waitForURL((address) => address.pathname !== '/sign-in');
    },
    expectRefusals: (...statuses) => void refusals.push(...statuses),
    assertAccessible: (where, except = []) => assertAccessible(page, { where, except }),
    assertQuiet: () => assert.deepEqual(complaints, []),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/** Whom the server under test was set up with. */
export function adminOf({ adminAuth }: Pick<TestServer, 'adminAuth'>): Account {
  return { name: adminAuth.username, password: adminAuth.password };
}

type Violation = { id: string; help: string; nodes: { html: string; failureSummary: string }[] };

/** Resolves when nothing fades or moves any more: half-way through, colours are those of neither side. */
const settled = `(async () => {
  const ends = (animation) => animation.effect?.getComputedTiming().endTime !== Infinity;
  const isMoving = () => document.getAnimations().some((one) => one.playState === 'running' && ends(one));
  for (let frame = 0, still = 0; frame < 300 && still < 3; frame++) {
    await new Promise(requestAnimationFrame);
    still = isMoving() ? 0 : still + 1;
  }
})()`;

/** Evaluated from outside the page, so its policy stands as it is. */
async function assertAccessible(
  page: Page,
  { where, except }: { where: string; except: readonly string[] },
): Promise<void> {
  if (!(await page.evaluate<boolean>("'axe' in window"))) await page.evaluate(axe.source);
  await page.evaluate(settled);
  const found = await page.evaluate<Violation[]>(
    "axe.run(document, { resultTypes: ['violations'], preload: false }).then(({ violations }) => violations)",
  );
  const told = found
    .filter(({ id }) => !except.includes(id))
    .flatMap(({ id, help, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${help}\n  ${html.slice(0, 200)}\n  ${failureSummary}`),
    );
  assert.deepEqual(told, [], where);
}

/** Chromium logs every answer of 400 and more as an error; those a test announced are taken off its list. */
function collectComplaints(page: Page, url: string, complaints: string[], refusals: number[]): void {
  page.on('console', (message) => {
    if (message.type() !== 'error' && message.type() !== 'warning') return;
    const status = Number(/the server responded with a status of (\d{3})/.exec(message.text())?.[1]);
    const expected = refusals.indexOf(status);
    if (expected >= 0) refusals.splice(expected, 1);
    else complaints.push(`${message.type()}: ${message.text()} (${message.location().url})`);
  });
  page.on('pageerror', (error) => complaints.push(`uncaught: ${error.message}`));
  page.on('request', (request) => {
    if (!request.url().startsWith(url) && !/^(blob|data):/.test(request.url()))
      complaints.push(`another origin was asked: ${request.url()}`);
  });
}
