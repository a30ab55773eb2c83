/** What a page says when its server is gone, or when what it names is not there; and how one goes on. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openWorld, type World } from '../support/world.ts';
import { browserSkip, openConsole } from './console-browser.ts';

describe('errors', { skip: browserSkip }, () => {
  let world: World;
  before(async () => {
    world = await openWorld();
  });
  after(async () => {
    await world?.[Symbol.asyncDispose]();
  });

  test('a server that cannot be reached is told as such, and asked again when one says so', async () => {
    await using browser = await openConsole(world.server.url);
    const { page } = browser;
    await browser.signIn(world.people.olivia);
    await browser.open('/projects');
    const projects = page.getByRole('table', { name: 'Projects' });
    await projects.getByText('acme/app').waitFor();
    await page.context().setOffline(true);
    await page.getByRole('link', { name: 'Tokens' }).click();
    const told = page.getByRole('alert').filter({ hasText: 'The server cannot be reached.' });
    await told.first().waitFor();
    await page.getByRole('button', { name: 'New token' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('textbox', { name: 'Name' }).fill('made offline');
    await dialog.getByRole('button', { name: 'Create token' }).click();
    await dialog.getByRole('alert').getByText('Check that it runs and try again').waitFor();
    await page.context().setOffline(false);
    await dialog.getByRole('button', { name: 'Create token' }).click();
    await page.getByRole('button', { name: 'I have stored it' }).click();
    for (const again of await page.getByRole('button', { name: 'Try again' }).all()) await again.click();
    await page.getByRole('row', { name: 'made offline' }).waitFor();
    await told.first().waitFor({ state: 'detached' });
  });

  test('what is not there says so, and nothing goes on loading', async () => {
    await using browser = await openConsole(world.server.url);
    const { page } = browser;
    await browser.signIn(world.people.olivia);
    const missing = [
      ['/organisations/nowhere/trail', 'There is no such namespace'],
      ['/organisations/nowhere/members', 'There is no such user or organisation'],
      ['/organisations/nowhere/settings', 'There is no such user or organisation'],
      ['/projects/container/acme%2Fnothing/settings', 'There is no such project'],
      ['/projects/container/acme%2Fapp/tags/v9', 'There is no tag v9'],
      ['/events/019ab1f0-1c2d-7e3f-8a4b-000000000003', 'There is no such event'],
      ['/events/not-an-event', 'field “event”'],
      ['/nowhere', 'The address leads nowhere'],
    ] as const;
    for (const [path, text] of missing) {
      browser.expectRefusals(404, 404, 404, 404, 400, 400);
      await browser.open(path);
      await page.getByText(text).first().waitFor();
      assert.equal(await page.getByText('Loading…').count(), 0, path);
    }
    await page.getByRole('link', { name: 'Go to your trail' }).click();
    await page.getByRole('heading', { name: 'My trail' }).waitFor();
    browser.assertQuiet();
  });

  test('a session that was ended elsewhere leads to the sign-in, and back', async () => {
    await using browser = await openConsole(world.server.url);
    const { page } = browser;
    await browser.signIn(world.people.mara);
    await browser.open('/account/tokens');
    const sessions = await world.as(world.people.mara).call('GET', '/me/sessions');
    for (const { id } of (sessions as unknown as { items: { id: string }[] }).items)
      await world.as(world.people.mara).call('DELETE', `/me/sessions/${id}`);
    browser.expectRefusals(401, 401, 401);
    await page.getByRole('link', { name: 'Projects' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await browser.sendSignIn(world.people.mara);
    await page.getByRole('heading', { level: 1, name: 'Projects' }).waitFor();
    browser.assertQuiet();
  });
});
