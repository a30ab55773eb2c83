/** The first start: nobody has an account, and only whoever can read the server's output gets one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTestServer } from '../support/server.ts';
import { browserSkip, openConsole } from './console-browser.ts';

test('the one-time code makes the first administrator, who signs out and in again', {
  skip: browserSkip,
}, async () => {
  await using server = await startTestServer({ admin: false });
  const code = /^\s+([0-9A-Z]{5}(?:-[0-9A-Z]{5})+)$/m.exec(server.logs())?.[1];
  assert.ok(code, server.logs());
  await using browser = await openConsole(server.url);
  const { page } = browser;
  const heading = page.getByRole('heading', { level: 1 });
  const fill = async (fields: Record<string, string>): Promise<void> => {
    for (const [name, value] of Object.entries(fields))
      await page.getByRole('textbox', { name, exact: true }).fill(value);
    await page.getByRole('button', { name: 'Create and sign in' }).click();
  };

  await browser.open('/');
  assert.equal(await heading.textContent(), 'Create the first administrator');
  const account = {
    'User name': 'mira',
    Password: 'a long enough secret',
    'Password once more': 'a long enough secret',
  };

  await fill({ ...account, 'One-time code': code, 'Password once more': 'another' });
  await page.getByText('The two passwords differ').waitFor();

  browser.expectRefusals(401);
  await fill({ ...account, 'One-time code': 'AAAAA-AAAAA-AAAAA-AAAAA' });
  await page.getByRole('alert').waitFor();

  await fill({ 'One-time code': code });
  await page.getByRole('heading', { name: 'Everything' }).waitFor();
  await page.getByRole('table', { name: 'Events' }).getByText('created the user').waitFor();

  await page.getByRole('button', { name: 'mira' }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await browser.open('/setup');
  await browser.signIn({ name: 'mira', password: account.Password });
  await page.getByRole('heading', { name: 'My trail' }).waitFor();
  browser.assertQuiet();
});
