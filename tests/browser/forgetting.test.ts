/** How long events are kept, legal holds and erasures in the browser, each change seen where it stands. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openWorld, type World } from '../support/world.ts';
import { adminOf, browserSkip, type ConsoleBrowser, openConsole } from './console-browser.ts';

describe('forgetting', { skip: browserSkip }, () => {
  let world: World;
  let browser: ConsoleBrowser;
  const dialog = () => browser.page.getByRole('dialog');
  const button = (name: string | RegExp) => browser.page.getByRole('button', { name });
  const press = (name: string | RegExp) => dialog().getByRole('button', { name }).click();
  const closed = () => dialog().waitFor({ state: 'hidden' });
  const holds = () => browser.page.getByRole('table', { name: 'Legal holds' });
  const placeHold = async (kind: string, subject: string): Promise<void> => {
    await button('Place a hold').click();
    await dialog().getByText(kind, { exact: true }).first().click();
    await dialog().getByRole('textbox', { name: kind }).fill(subject);
    await dialog().getByRole('textbox', { name: 'Why' }).fill('case 2026/7');
    await press('Place the hold');
  };

  before(async () => {
    world = await openWorld();
    browser = await openConsole(world.server.url);
    await browser.signIn(adminOf(world.server));
  });
  after(async () => {
    await browser?.[Symbol.asyncDispose]();
    await world?.[Symbol.asyncDispose]();
  });

  test('keeping for less long says what goes; an owner chooses within bounds, and follows the server again', async () => {
    const { page } = browser;
    await browser.open('/administration/retention');
    await page.getByText('Routine: 90 days').waitFor();
    await button('Change how long events of routine are kept').click();
    await dialog().getByRole('spinbutton', { name: 'Days' }).fill('30');
    await dialog().getByText('Events older than 30 days go').waitFor();
    await dialog().getByRole('checkbox', { name: 'Owners of namespaces may choose' }).check();
    await dialog().getByRole('spinbutton', { name: 'At least' }).fill('20');
    await dialog().getByRole('spinbutton', { name: 'At most' }).fill('10');
    browser.expectRefusals(400);
    await press('Change');
    await dialog().getByRole('alert').getByText('longestDays').first().waitFor();
    await dialog().getByRole('spinbutton', { name: 'At most' }).fill('365');
    await browser.assertAccessible('how long events are kept');
    await press('Change');
    await closed();
    await page.getByText('Routine: 30 days').waitFor();
    await page.getByText('Owners of namespaces may choose: from 20 days to 365 days').waitFor();

    await using theirs = await openConsole(world.server.url);
    await theirs.signIn(world.people.olivia);
    await theirs.open('/organisations/acme/settings');
    const hers = theirs.page;
    await hers.getByText('the server’s administrators decide this one').first().waitFor();
    await hers.getByRole('button', { name: 'Choose how long events of routine are kept' }).click();
    await hers.getByRole('dialog').getByRole('spinbutton', { name: 'Days' }).fill('200');
    await hers.getByRole('dialog').getByRole('button', { name: 'Choose' }).click();
    await hers.getByText('Routine: 200 days').waitFor();
    await hers.getByRole('button', { name: 'Follow the server for events of routine' }).click();
    await hers.getByText('Routine: 30 days').waitFor();
    theirs.assertQuiet();
    browser.assertQuiet();
  });

  test('a hold is placed by name, and lifted', async () => {
    const { page } = browser;
    browser.expectRefusals(404);
    await placeHold('Project', 'acme/nothing');
    await dialog().getByText('There is no such project').first().waitFor();
    await dialog().getByRole('textbox', { name: 'Project' }).fill('acme/app');
    await press('Place the hold');
    await closed();
    await holds().getByText('acme/app').waitFor();
    await holds().getByText('case 2026/7').waitFor();
    await browser.assertAccessible('legal holds');
    await button('Lift the hold on acme/app').click();
    await press('Lift the hold');
    await closed();
    await page.getByText('No hold stands').waitFor();
    browser.assertQuiet();
  });

  test('an erasure is previewed, held up, confirmed and watched to its end', async () => {
    const { page } = browser;
    const { sam } = world.people;
    await placeHold('User', 'sam');
    await closed();
    await world.admin.call('DELETE', '/users/sam');
    await browser.open('/administration/erasure');
    await page.getByText('Nothing was erased').waitFor();
    await button('New preview').click();
    browser.expectRefusals(400);
    const subject = dialog().getByRole('textbox', { name: 'Id of the user' });
    await subject.fill('sam');
    await press('Preview');
    await dialog().getByRole('alert').waitFor();
    await subject.fill(sam.id);
    await browser.assertAccessible('asking for an erasure');
    await press('Preview');
    await page.getByText('It waits for you').waitFor();
    await page.getByRole('table', { name: 'What was found' }).getByText('account.user.create').waitFor();
    await page.getByText('A legal hold stands in its way').waitFor();
    await browser.assertAccessible('an erasure that waits');
    await button('Erase').click();
    await dialog().getByRole('textbox', { name: 'Type erase to go on' }).fill('erase');
    browser.expectRefusals(409);
    await press('Erase for good');
    await dialog().getByRole('alert').getByText(/hold/).first().waitFor();
    await press('Cancel');
    await closed();
    const erasure = new URL(page.url()).pathname;
    await page.getByRole('link', { name: 'Legal holds' }).click();
    await button('Lift the hold on sam').click();
    await press('Lift the hold');
    await closed();
    await browser.open(erasure);
    await button('Erase').click();
    await dialog().getByRole('textbox', { name: 'Type erase to go on' }).fill('erase');
    await press('Erase for good');
    await closed();
    await page.getByText('Erased', { exact: true }).waitFor();
    await page.getByRole('link', { name: 'All erasures' }).click();
    await page.getByRole('row', { name: sam.id }).getByText('erased', { exact: true }).waitFor();
    await browser.open(`/administration/trail?type=account.user.delete`);
    assert.equal(await page.getByRole('table', { name: 'Events' }).getByText('sam').count(), 0);
    browser.assertQuiet();
  });

  test('a preview of an address is thrown away', async () => {
    const { page } = browser;
    await browser.open('/administration/erasure');
    await button('New preview').click();
    await dialog().getByText('An address', { exact: true }).click();
    await dialog().getByRole('textbox', { name: 'Address' }).fill('203.0.113.7');
    await press('Preview');
    await page.getByText('Nothing on the trail identifies it').waitFor();
    await button('Throw the preview away').click();
    await press('Throw it away');
    await page.getByRole('row', { name: 'An address' }).getByText('thrown away').waitFor();
    await browser.assertAccessible('the list of erasures');
    browser.assertQuiet();
  });
});
