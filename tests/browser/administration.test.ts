/** The switches and access tokens in the browser, each change seen on the trail. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openWorld, type World } from '../support/world.ts';
import { adminOf, browserSkip, type ConsoleBrowser, openConsole } from './console-browser.ts';

describe('administration', { skip: browserSkip }, () => {
  let world: World;
  let browser: ConsoleBrowser;

  before(async () => {
    world = await openWorld();
    browser = await openConsole(world.server.url);
    await browser.signIn(adminOf(world.server));
  });
  after(async () => {
    await browser?.[Symbol.asyncDispose]();
    await world?.[Symbol.asyncDispose]();
  });

  test('a switch is turned off and on again, with what it costs said and each change recorded', async () => {
    const { page } = browser;
    await browser.open('/administration/switches');
    await page.getByText('can slow the database').waitFor();
    const choose = async (mode: string, action: string): Promise<void> => {
      await page.getByRole('combobox', { name: 'Refused reads of projects' }).click();
      await page.getByRole('option', { name: mode, exact: true }).click();
      const question = page.getByRole('dialog');
      await question.getByText('The change is itself recorded').waitFor();
      await question.getByRole('button', { name: action }).click();
      await question.waitFor({ state: 'hidden' });
    };
    await choose('Off', 'Turn off');
    await page.getByText('not recording').waitFor();
    await choose('On', 'Turn on');
    await page.getByText('not recording').waitFor({ state: 'detached' });
    await browser.open('/administration/trail?type=trail.switch.change');
    await page.getByRole('table', { name: 'Events' }).locator('tbody tr').nth(1).waitFor();
    browser.assertQuiet();
  });

  test('a token’s secret is shown once, works, and is refused after it was revoked', async () => {
    const { page } = browser;
    await browser.open('/account/tokens');
    await page.getByRole('button', { name: 'New token' }).click();
    await page.getByRole('textbox', { name: 'Name' }).fill('nightly');
    await page.getByRole('checkbox', { name: 'account:read' }).check();
    await page.getByRole('button', { name: 'Create token' }).click();
    const secret = (await page.getByTestId('secret').textContent()) ?? '';
    assert.ok(secret.length > 20);
    const ask = async (): Promise<number> =>
      (await fetch(`${world.server.url}/api/v1/me`, { headers: { authorization: `Bearer ${secret}` } }))
        .status;
    assert.equal(await ask(), 200);
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'I have stored it' }).click();
    await page.getByTestId('secret').waitFor({ state: 'detached' });

    await page.reload();
    const row = page
      .getByRole('table', { name: 'Tokens', exact: true })
      .getByRole('row', { name: 'nightly' });
    await row.getByText('active').waitFor();
    assert.ok(!(await page.content()).includes(secret), 'the secret can still be read');
    await row.getByRole('button', { name: 'Revoke nightly' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
    await row.getByText('revoked').waitFor();
    assert.equal(await ask(), 401);
    browser.assertQuiet();
  });
});
