/** Accounts in the browser: passwords, lock-out, users, reserved names, settings; with what is said to whoever may not. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { basicAuth } from '../support/wire.ts';
import { openWorld, type World } from '../support/world.ts';
import { adminOf, browserSkip, type ConsoleBrowser, openConsole } from './console-browser.ts';

describe('accounts', { skip: browserSkip }, () => {
  let world: World;
  let browser: ConsoleBrowser;
  const dialog = () => browser.page.getByRole('dialog');
  const row = (name: string) => browser.page.getByRole('row', { name });
  const act = async (name: string, what: string): Promise<void> => {
    await row(name)
      .getByRole('button', { name: `Actions for ${name}` })
      .click();
    await browser.page.getByRole('menuitem', { name: what }).click();
  };
  const confirm = async (action: string): Promise<void> => {
    await dialog().getByRole('button', { name: action, exact: true }).click();
    await dialog().waitFor({ state: 'hidden' });
  };
  const signsIn = async (name: string, password: string): Promise<number> =>
    (await world.wire.send({ path: '/v2/', headers: { authorization: basicAuth(name, password) } })).status;

  before(async () => {
    world = await openWorld();
    browser = await openConsole(world.server.url);
    await browser.signIn(adminOf(world.server));
  });
  after(async () => {
    await browser?.[Symbol.asyncDispose]();
    await world?.[Symbol.asyncDispose]();
  });

  test('a disabled user is refused at once, and let in again', async () => {
    const { rita } = world.people;
    await browser.open('/administration/users');
    await act('rita', 'Disable');
    await dialog().getByLabel('Why').fill('left the house');
    await confirm('Disable');
    await row('rita').getByText('disabled').waitFor();
    assert.equal(await signsIn('rita', rita.password), 401);
    await act('rita', 'Enable');
    await row('rita').getByText('enabled').waitFor();
    assert.equal(await signsIn('rita', rita.password), 200);
    browser.assertQuiet();
  });

  test('the last administrator stays one, and is told why', async () => {
    const { username } = world.server.adminAuth;
    await browser.open('/administration/users');
    await act(username, 'Change roles');
    await dialog().getByRole('checkbox', { name: 'Administrator' }).uncheck();
    browser.expectRefusals(409);
    await dialog().getByRole('button', { name: 'Change roles' }).click();
    await dialog()
      .getByRole('alert')
      .getByText(/administrator/)
      .first()
      .waitFor();
    await dialog().getByRole('button', { name: 'Cancel' }).click();
    browser.assertQuiet();
  });

  test('a lock-out is seen, and ended by an administrator', async () => {
    for (let at = 0; at < 10; at++) assert.equal(await signsIn('sam', `guess ${at}`), 401);
    await browser.open('/administration/users');
    await row('sam').getByText('locked out').waitFor();
    await act('sam', 'End lock-out');
    await row('sam').getByText('locked out').waitFor({ state: 'detached' });
    assert.equal(await signsIn('sam', world.people.sam.password), 200);
    browser.assertQuiet();
  });

  test('a password is changed by who knows the present one; it ends the other sessions', async () => {
    const { mara } = world.people;
    await using hers = await openConsole(world.server.url);
    await hers.signIn(mara);
    await hers.open('/account/sessions');
    const field = (name: string) => hers.page.getByRole('textbox', { name, exact: true });
    const change = async (present: string, next: string): Promise<void> => {
      await field('Present password').fill(present);
      await field('New password').fill(next);
      await hers.page.getByRole('button', { name: 'Change password' }).click();
    };
    hers.expectRefusals(403);
    await change('not the present one', 'another long password');
    await hers.page.getByRole('alert').waitFor();
    hers.expectRefusals(400);
    await change(mara.password, 'short');
    await hers.page.getByRole('alert').getByText('8 characters').waitFor();
    await change(mara.password, 'another long password');
    await hers.page.getByText('Changed, and recorded.').waitFor();
    assert.deepEqual(
      [await signsIn('mara', mara.password), await signsIn('mara', 'another long password')],
      [401, 200],
    );
    hers.assertQuiet();
  });

  test('a deleted user’s name stays reserved until it is freed', async () => {
    const { page } = browser;
    await browser.open('/administration/users');
    const create = async (name: string): Promise<void> => {
      await page.getByRole('button', { name: 'New user' }).click();
      await dialog().getByRole('textbox', { name: 'User name' }).fill(name);
      await dialog().getByRole('textbox', { name: 'Password' }).fill('the long password of it');
      await dialog().getByRole('button', { name: 'Create user' }).click();
    };
    await create('zoe');
    await row('zoe').waitFor();
    await act('zoe', 'Delete');
    const really = dialog().getByRole('button', { name: 'Delete' });
    assert.equal(await really.isDisabled(), true, 'only once the name was typed');
    await dialog().getByRole('textbox', { name: 'Type zoe to go on' }).fill('zoe');
    await confirm('Delete');
    await row('zoe').waitFor({ state: 'detached' });
    browser.expectRefusals(409);
    await create('zoe');
    await dialog()
      .getByRole('alert')
      .getByText(/reserved/)
      .first()
      .waitFor();

    await browser.open('/administration/names');
    await page.getByRole('button', { name: 'Free zoe' }).click();
    await dialog().getByText('Whoever is first can take it').waitFor();
    await confirm('Free the name');
    await page.getByText('No name is reserved').waitFor();
    await browser.open('/administration/users');
    await create('zoe');
    await row('zoe').waitFor();
    browser.assertQuiet();
  });

  test('who may create organisations is a setting; who may not is told', async () => {
    const { page } = browser;
    const choose = async (value: string): Promise<void> => {
      await browser.open('/administration/settings');
      await page.getByRole('combobox', { name: 'Who may create organisations' }).click();
      await page.getByRole('option', { name: value }).click();
      await confirm('Change');
    };
    await choose('Administrators');
    await using theirs = await openConsole(world.server.url);
    await theirs.signIn(world.people.sam);
    await theirs.open('/organisations');
    const question = theirs.page.getByRole('dialog');
    await theirs.page.getByRole('button', { name: 'New organisation' }).click();
    await question.getByRole('textbox', { name: 'Name' }).fill('sam.io');
    theirs.expectRefusals(403);
    await question.getByRole('button', { name: 'Create organisation' }).click();
    await question
      .getByRole('alert')
      .getByText(/administrator/)
      .first()
      .waitFor();
    await choose('Users');
    await question.getByRole('button', { name: 'Create organisation' }).click();
    await theirs.page.getByRole('heading', { level: 1, name: 'sam.io' }).waitFor();
    // A dot in a name makes no file of a page.
    await theirs.page.reload();
    await theirs.page.getByRole('table', { name: 'Members' }).getByText('sam', { exact: true }).waitFor();
    theirs.assertQuiet();
    browser.assertQuiet();
  });

  test('who is no administrator is told so on their pages', async () => {
    await using theirs = await openConsole(world.server.url);
    await theirs.signIn(world.people.olivia);
    for (const page of ['users', 'names', 'settings', 'switches']) {
      theirs.expectRefusals(403);
      await theirs.open(`/administration/${page}`);
      await theirs.page.getByRole('alert').getByText('Only administrators may do this').waitFor();
    }
    theirs.assertQuiet();
  });
});
