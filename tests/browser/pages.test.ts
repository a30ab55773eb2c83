/**
 * Every page, light and dark, wide and narrow: it shows itself, breaks no policy, logs no error, asks nobody else, and
 * has nothing that axe objects to.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openWorld, type World } from '../support/world.ts';
import { adminOf, browserSkip, openConsole } from './console-browser.ts';

const app = '/projects/container/acme%2Fapp';
const forEverybody = [
  '/trail',
  '/projects',
  '/organisations',
  '/account/tokens',
  '/account/robots',
  '/account/sessions',
  '/account/switches',
];
const ofOwners = [
  ...['trail', 'projects', 'immutability', 'members', 'robots', 'applications', 'switches', 'settings'].map(
    (tab) => `/organisations/acme/${tab}`,
  ),
  ...['tags', 'tags/v1', 'trail', 'immutability', 'roles', 'settings'].map((tab) => `${app}/${tab}`),
];
const ofAdministrators = ['trail', 'users', 'switches', 'names', 'retention', 'erasure', 'settings'].map(
  (page) => `/administration/${page}`,
);

describe('every page', { skip: browserSkip }, () => {
  let world: World;
  before(async () => {
    world = await openWorld();
  });
  after(async () => {
    await world?.[Symbol.asyncDispose]();
  });

  const admin = () => adminOf(world.server);
  const visits = [
    {
      name: 'an owner, light, 1280 pixels wide',
      look: { colorScheme: 'light', viewport: { width: 1280, height: 800 } },
      who: () => world.people.olivia,
      paths: [
        ...forEverybody,
        ...['trail', 'immutability', 'retention'].map((tab) => `/namespaces/olivia/${tab}`),
        ...ofOwners,
      ],
    },
    {
      name: 'an administrator, dark, 800 pixels wide',
      look: { colorScheme: 'dark', viewport: { width: 800, height: 900 } },
      who: admin,
      paths: [...forEverybody, ...ofOwners, ...ofAdministrators],
    },
    {
      name: 'an administrator, light, 390 pixels wide',
      look: { colorScheme: 'light', viewport: { width: 390, height: 844 } },
      who: admin,
      paths: [...forEverybody, ...ofOwners, ...ofAdministrators],
    },
  ] as const;
  for (const { name, look, who, paths } of visits) {
    test(name, async () => {
      await using browser = await openConsole(world.server.url, look);
      const { page } = browser;
      await browser.signIn(who());
      for (const path of paths) {
        await browser.open(path);
        const told = await page.getByRole('main').textContent();
        assert.equal(await page.getByRole('alert').count(), 0, `${path}: ${told}`);
        const tooWide = 'document.documentElement.scrollWidth - window.innerWidth';
        assert.ok((await page.evaluate<number>(tooWide)) <= 0, `${path} is wider than the window`);
        if (who === admin) await browser.assertAccessible(path);
      }
      browser.assertQuiet();
    });
  }

  test('what is hidden and what is missing look the same, and say what to do', async () => {
    await using browser = await openConsole(world.server.url);
    await browser.signIn(world.people.sam);
    const said: string[] = [];
    for (const path of [app, '/projects/container/acme%2Fnothing']) {
      browser.expectRefusals(404, 404);
      await browser.open(`${path}/tags`);
      said.push((await browser.page.getByRole('alert').first().locator('p').nth(1).textContent()) ?? '');
    }
    assert.equal(said[0], said[1]);
    await browser.open('/nowhere');
    await browser.page.getByText('There is no such page').waitFor();
  });

  test('the keyboard is enough', async () => {
    await using browser = await openConsole(world.server.url);
    const { page } = browser;
    await browser.signIn(admin());
    await browser.open('/administration/trail');
    const focused = () => page.evaluate<string>('document.activeElement.textContent');
    assert.equal(await focused(), 'Everything');
    const rows = page.getByRole('table', { name: 'Events' }).locator('tbody tr');
    await rows.first().getByRole('link').focus();
    await page.keyboard.press('ArrowDown');
    assert.equal(await focused(), await rows.nth(1).getByRole('link').textContent());
    await page.keyboard.press('Enter');
    await page.getByRole('dialog', { name: 'Event' }).waitFor();
    await page.keyboard.press('Escape');
    await rows.nth(1).getByRole('link').and(page.locator(':focus')).waitFor();
    browser.assertQuiet();
  });

  test('a dialog takes the focus, keeps it, and gives it back where it came from', async () => {
    await using browser = await openConsole(world.server.url);
    const { page } = browser;
    const dialog = page.getByRole('dialog');
    const focused = (name: string | RegExp, role: 'button' | 'textbox' = 'button') =>
      page.getByRole(role, { name }).and(page.locator(':focus')).waitFor();
    await browser.signIn(admin());

    await browser.open('/account/tokens');
    await page.getByRole('button', { name: 'New token' }).press('Enter');
    await focused('Name', 'textbox');
    await browser.assertAccessible('the form of a new token');
    await page.keyboard.type('by keyboard');
    await page.keyboard.press('Shift+Tab');
    await focused(/close/i);
    await page.keyboard.press('Shift+Tab');
    await focused('Create token');
    await page.keyboard.press('Enter');
    await page.getByTestId('secret').waitFor();
    await page.getByRole('dialog', { name: 'New token' }).waitFor({ state: 'detached' });
    await browser.assertAccessible('a secret, shown this once');
    await page.getByRole('button', { name: 'I have stored it' }).press('Enter');
    await focused('New token');
    await dialog.waitFor({ state: 'detached' });

    await page.getByRole('button', { name: 'Revoke by keyboard' }).press('Enter');
    await focused('Revoke');
    await browser.assertAccessible('a question before something ends');
    await page.keyboard.press('Escape');
    await focused('Revoke by keyboard');

    await browser.open('/administration/users');
    await page.getByRole('button', { name: 'Actions for rita' }).press('Enter');
    await page.getByRole('menuitem', { name: 'Change roles' }).waitFor();
    // The library's menu holds a place for the focus that is no item, and stands at the end of the document.
    await browser.assertAccessible('what can be done with a row', ['aria-required-children', 'region']);
    await page.keyboard.press('ArrowDown');
    await page.getByRole('menuitem', { name: 'Set a password' }).press('Enter');
    await focused('New password', 'textbox');
    await page.keyboard.type('half a secr');
    await page.keyboard.press('Escape');
    await focused('Actions for rita');
    await page.keyboard.press('Enter');
    await page.getByRole('menuitem', { name: 'Set a password' }).press('Enter');
    assert.equal(await dialog.getByLabel('New password').inputValue(), '', 'what was typed before is gone');
    browser.assertQuiet();
  });
});
