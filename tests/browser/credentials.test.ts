/** Tokens, OAuth applications and robots in the browser: each made, used, ended, and what is said when it cannot be. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { basicAuth } from '../support/wire.ts';
import { openWorld, type World } from '../support/world.ts';
import { browserSkip, type ConsoleBrowser, openConsole } from './console-browser.ts';

describe('credentials', { skip: browserSkip }, () => {
  let world: World;
  let browser: ConsoleBrowser;
  const dialog = () => browser.page.getByRole('dialog');
  const button = (name: string) => dialog().getByRole('button', { name, exact: true });
  const fill = (name: string, text: string) =>
    dialog().getByRole('textbox', { name, exact: true }).fill(text);
  const signsIn = async (username: string, secret: string): Promise<number> =>
    (await world.wire.send({ path: '/v2/', headers: { authorization: basicAuth(username, secret) } })).status;
  /** Reads the secret that is shown this once, and puts it away. */
  const takeSecret = async (): Promise<string> => {
    const shown = browser.page.getByTestId('secret');
    const secret = (await shown.textContent()) ?? '';
    assert.ok(secret.length > 20);
    await browser.page.getByRole('button', { name: 'I have stored it' }).click();
    await shown.waitFor({ state: 'detached' });
    return secret;
  };

  before(async () => {
    world = await openWorld();
    browser = await openConsole(world.server.url);
    await browser.signIn(world.people.olivia);
  });
  after(async () => {
    await browser?.[Symbol.asyncDispose]();
    await world?.[Symbol.asyncDispose]();
  });

  test('an app token signs in as $app until it is revoked; what is wrong with one is said before it is made', async () => {
    const { page } = browser;
    await browser.open('/account/tokens');
    await page.getByRole('button', { name: 'New token' }).click();
    await fill('Name', 'phone');
    await dialog().getByRole('radio', { name: 'App token' }).check();
    await dialog().getByRole('checkbox', { name: 'project:read' }).uncheck();
    await button('Create token').click();
    await dialog().getByText('Choose at least one scope').waitFor();
    await dialog().getByRole('checkbox', { name: 'project:read' }).check();
    await dialog().getByRole('combobox', { name: 'Ends after' }).click();
    await page.getByRole('option', { name: 'on a day of your choice' }).click();
    await dialog().getByLabel('Ends (your time)').fill('2020-01-01T00:00');
    browser.expectRefusals(400);
    await button('Create token').click();
    await dialog().getByRole('alert').getByText('expiresAt').first().waitFor();
    await dialog().getByRole('combobox', { name: 'Ends after' }).click();
    await page.getByRole('option', { name: '7 days' }).click();
    await button('Create token').click();
    const secret = await takeSecret();
    assert.equal(await signsIn('$app', secret), 200);

    await page.getByText('App tokens', { exact: true }).click();
    const row = page.getByRole('row', { name: 'phone' });
    await row.getByRole('button', { name: 'Revoke phone' }).click();
    await button('Revoke').click();
    await row.getByText('revoked').waitFor();
    assert.equal(await signsIn('$app', secret), 401);
    await row.getByRole('link', { name: 'Its events' }).click();
    await page.getByRole('table', { name: 'Events' }).getByText('the token was revoked').first().waitFor();
    browser.assertQuiet();
  });

  test('an application is made, acts in one’s name with a generated token, and ends with all its tokens', async () => {
    const { page } = browser;
    await browser.open('/organisations/acme/applications');
    await page.getByRole('button', { name: 'New application' }).click();
    await fill('Name', ' ');
    browser.expectRefusals(400);
    await button('Create application').click();
    await dialog().getByRole('alert').getByText('field “name”').waitFor();
    await fill('Name', 'Scanner');
    await fill('Description (optional)', 'looks for known holes');
    await button('Create application').click();
    await page.getByRole('link', { name: 'Scanner' }).click();
    await page.getByText('Nobody has generated one yet').waitFor();
    const generate = async (name: string): Promise<string> => {
      await page.getByRole('button', { name: 'Generate a token' }).click();
      await fill('Name', name);
      await button('Generate').click();
      return takeSecret();
    };
    const first = await generate('nightly scan');
    const second = await generate('weekly scan');
    assert.equal(await signsIn('$oauthtoken', first), 200);
    await page.getByRole('button', { name: 'Revoke nightly scan' }).click();
    await button('Revoke').click();
    await page.getByRole('row', { name: 'nightly scan' }).getByText('revoked').waitFor();
    assert.deepEqual([await signsIn('$oauthtoken', first), await signsIn('$oauthtoken', second)], [401, 200]);

    await browser.open('/account/tokens');
    const mine = page.getByRole('table', { name: 'Tokens of applications' });
    await mine.getByRole('row', { name: 'weekly scan' }).getByText('Scanner').waitFor();

    await browser.open('/organisations/acme/applications');
    await page.getByRole('link', { name: 'Scanner' }).click();
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await button('Delete').click();
    await page.getByRole('heading', { name: 'Applications' }).waitFor();
    assert.equal(await signsIn('$oauthtoken', second), 401);
    browser.assertQuiet();
  });

  test('a robot of an organisation is made, gets a new token, is disabled and enabled', async () => {
    const { page } = browser;
    await browser.open('/organisations/acme/robots');
    await page.getByRole('button', { name: 'New robot' }).click();
    await fill('Name', 'ci');
    browser.expectRefusals(409);
    await button('Create robot').click();
    await dialog().getByRole('alert').getByText('acme+ci').waitFor();
    await fill('Name', 'Not A Name');
    browser.expectRefusals(400);
    await button('Create robot').click();
    await dialog().getByRole('alert').getByText('field “name”').waitFor();
    await fill('Name', 'mirror');
    await button('Create robot').click();
    const first = await takeSecret();
    const row = page.getByRole('row', { name: 'acme+mirror' });
    const act = async (what: string): Promise<void> => {
      await row.getByRole('button', { name: 'Actions for acme+mirror' }).click();
      await page.getByRole('menuitem', { name: what }).click();
    };
    await act('New token');
    await page.getByText('The present token stops at once').waitFor();
    await button('Make a new token').click();
    const second = await takeSecret();
    assert.deepEqual([await signsIn('acme+mirror', first), await signsIn('acme+mirror', second)], [401, 200]);
    await act('Disable');
    await row.getByText('disabled').waitFor();
    assert.equal(await signsIn('acme+mirror', second), 401);
    await act('Enable');
    await row.getByText('active').waitFor();
    assert.equal(await signsIn('acme+mirror', second), 200);
    await act('Delete');
    await button('Delete').click();
    await row.waitFor({ state: 'detached' });
    browser.assertQuiet();
  });

  test('who owns nothing here is offered nothing, and is told so when the address is typed', async () => {
    await using other = await openConsole(world.server.url);
    await other.signIn(world.people.mara);
    await other.open('/organisations/acme/applications');
    await other.page.getByRole('link', { name: 'Deployer' }).waitFor();
    assert.equal(await other.page.getByRole('button', { name: 'New application' }).count(), 0);
    assert.equal(await other.page.getByRole('link', { name: 'Robots' }).count(), 1, 'only one’s own');
    other.expectRefusals(403);
    await other.open('/organisations/acme/robots');
    const told = other.page.getByRole('alert');
    await told.waitFor();
    assert.match((await told.textContent()) ?? '', /owner/i);
    other.assertQuiet();
  });
});
