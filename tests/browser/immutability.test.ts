/**
 * Immutable tags in the browser: a policy is previewed, made, narrowed, deleted and released; a tag says why it is locked,
 * is locked and unlocked; what a locked tag refuses leads to the answer why, from the dialog and from the event.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { pushImage, smallImage } from '../support/registry-client.ts';
import { openWorld, type World } from '../support/world.ts';
import { browserSkip, type ConsoleBrowser, openConsole } from './console-browser.ts';

const app = '/projects/container/acme%2Fapp';

describe('immutable tags', { skip: browserSkip }, () => {
  let world: World;
  let browser: ConsoleBrowser;
  /** Of one person after another who is not the owner. */
  let theirs: ConsoleBrowser;
  const dialog = () => browser.page.getByRole('dialog');
  const button = (name: string | RegExp) => browser.page.getByRole('button', { name });
  const press = (name: string | RegExp) => dialog().getByRole('button', { name }).click();
  const closed = () => dialog().waitFor({ state: 'hidden' });
  const policies = () => browser.page.getByRole('table', { name: 'Immutability policies' });
  const said = (text: string | RegExp) => browser.page.getByText(text).first().waitFor();
  const act = async (name: string, what: string): Promise<void> => {
    await button(`Actions for ${name}`).click();
    await browser.page.getByRole('menuitem', { name: what }).click();
    await browser.page.getByRole('menu').waitFor({ state: 'hidden' });
  };
  const preview = async (pattern: string): Promise<void> => {
    await dialog().getByRole('textbox', { name: 'Pattern' }).fill(pattern);
    await press('Preview');
  };
  const immutable = async (tag: string): Promise<unknown> =>
    (await world.as(world.people.olivia).call('GET', `${app}/tags/${tag}`)).immutable;

  before(async () => {
    world = await openWorld();
    const owner = world.as(world.people.olivia);
    const { digest } = await owner.call('GET', `${app}/tags/v1`);
    for (const tag of ['v1.0', 'v1.1', 'v2.0', 'rc1', 'rc2'])
      await owner.call('PUT', `${app}/tags/${tag}`, { digest });
    await owner.call('PATCH', `${app}/tags/v2.0`, { expiresAt: '2040-01-01T00:00:00Z' });
    browser = await openConsole(world.server.url);
    await browser.signIn(world.people.olivia);
    theirs = await openConsole(world.server.url);
  });
  after(async () => {
    await theirs?.[Symbol.asyncDispose]();
    await browser?.[Symbol.asyncDispose]();
    await world?.[Symbol.asyncDispose]();
  });

  test('a pattern that is refused shows where; everything may be locked, and the preview says so', async () => {
    const { page } = browser;
    await browser.open('/organisations/acme/immutability');
    await said('No policies');
    await button('New policy').press('Enter');
    browser.expectRefusals(422);
    await preview('^v(1|2.*$');
    await dialog().getByText('at position 2').waitFor();
    const field = dialog().getByRole('textbox', { name: 'Pattern' });
    assert.equal(await field.getAttribute('aria-invalid'), 'true');
    const selected = await page.evaluate<string>(
      'document.activeElement.value.slice(document.activeElement.selectionStart, document.activeElement.selectionEnd)',
    );
    assert.equal(selected, '(', 'the place is selected in the field');
    await browser.assertAccessible('a refused pattern');

    await preview('.*');
    // acme/open holds one tag more.
    await dialog().getByText('It would lock everything in every project of acme: 7 tags').waitFor();
    await dialog().getByRole('button', { name: 'Create policy' }).waitFor();
    await field.fill('v.*');
    assert.equal(await dialog().getByRole('button', { name: 'Create policy' }).count(), 0, 'unseen words');
    await page.keyboard.press('Escape');
    await closed();
    await said('No policies');
    browser.assertQuiet();
  });

  test('a policy is previewed and made, its run is followed, and it has a page', async () => {
    const { page } = browser;
    await button('New policy').click();
    await dialog().getByRole('textbox', { name: 'Description' }).fill('releases stay as they were tested');
    await preview('^v.*$');
    await dialog().getByText('It would lock 5 tags').waitFor();
    await dialog().getByText('acme/app:v1.0').waitFor();
    await browser.assertAccessible('a preview');
    await press('Create policy');
    await closed();
    await policies().getByText('5 tags locked, 7 tags looked at').waitFor();
    await policies().getByText('by olivia, version 1').waitFor();
    await browser.assertAccessible('the list of policies');

    await button('New policy').click();
    browser.expectRefusals(409);
    await preview('^v.*$');
    await press('Create policy');
    await dialog().getByText('There is a policy with this pattern here already').waitFor();
    await press('Cancel');
    await closed();

    await policies().getByRole('link', { name: '^v.*$' }).click();
    await said('in force');
    await said('5 tags locked, 7 tags looked at');
    await browser.assertAccessible('the page of a policy');
    await page.getByRole('link', { name: 'its creation, and what followed from it' }).click();
    await page.getByRole('heading', { level: 1, name: 'Immutability policy created' }).waitFor();
    await page.getByRole('region', { name: 'What followed from it' }).getByText('v2.0').first().waitFor();
    browser.assertQuiet();
  });

  test('a tag says why it is locked, with each step; an owner unlocks it, a maintainer locks it', async () => {
    const { page } = browser;
    await browser.open(`${app}/tags`);
    const row = page.getByRole('row', { name: 'v2.0' });
    await row.getByText('Immutable, by policy').waitFor();
    assert.equal(await page.getByRole('row', { name: 'rc1' }).getByText('Immutable').count(), 0);
    await act('v2.0', 'Why is it immutable?');
    const steps = page.getByRole('list', { name: 'How it came about' });
    await steps.getByText('olivia created the policy ^v.*$').waitFor();
    await steps.getByText('The policy locked v2.0, as it was in version 1').waitFor();
    await steps.getByText('The end it had, 2040-01-01').waitFor();
    await page.locator('#why:focus').waitFor();
    await browser.assertAccessible('why a tag is immutable');
    await page.getByRole('link', { name: 'The policy, and what it holds' }).click();
    await page.getByRole('heading', { name: 'Policy ^v.*$' }).waitFor();

    await browser.open(`${app}/tags/v2.0`);
    await button('Unlock').click();
    await dialog().getByRole('textbox', { name: 'Why it is unlocked' }).fill('it was pushed by mistake');
    await browser.assertAccessible('unlocking');
    await press('Unlock');
    await closed();
    await said('was unlocked by an owner');
    await page.getByRole('link', { name: 'Who unlocked it, and why' }).click();
    await said('it was pushed by mistake');

    await theirs.signIn(world.people.mara);
    await theirs.open(`${app}/tags/v2.0`);
    await theirs.page.getByRole('button', { name: 'Lock by hand' }).click();
    const asked = theirs.page.getByRole('dialog');
    await asked.getByRole('textbox', { name: 'Note' }).fill('the audited one');
    await asked.getByRole('button', { name: 'Lock' }).click();
    await theirs.page.getByText('mara locked v2.0 by hand').waitFor();
    await theirs.page.getByText('“the audited one”').waitFor();
    assert.equal(await theirs.page.getByRole('button', { name: 'Unlock' }).count(), 0, 'owners unlock');
    await theirs.open('/organisations/acme/immutability');
    await theirs.page.getByRole('link', { name: '^v.*$' }).waitFor();
    assert.equal(
      await theirs.page.getByRole('button', { name: /policy|Actions/ }).count(),
      0,
      'members look',
    );
    theirs.assertQuiet();
    browser.assertQuiet();
  });

  test('what a locked tag refuses says so, and leads to why; so does the event of the refusal', async () => {
    const { page } = browser;
    const { rita, mara, olivia } = world.people;
    await browser.open(`${app}/tags`);
    await page.getByRole('row', { name: 'rc1' }).waitFor();
    await world.as(mara).call('POST', `${app}/tags/rc1/lock`, {});
    browser.expectRefusals(409, 409, 409);
    await act('rc1', 'Set expiry');
    await dialog().getByLabel('Expires').fill('2040-01-01T00:00');
    await press('Set expiry');
    await dialog().getByText('The tag rc1 is immutable and cannot be given an end: mara locked it').waitFor();
    await press('Cancel');
    await closed();
    const authorization = olivia.key.basic;
    await pushImage(world.wire, { project: 'acme/app', tag: 'rc3', image: smallImage() }, { authorization });
    await browser.open(`${app}/tags`);
    await act('rc3', 'Point another tag here');
    await dialog().getByRole('textbox', { name: 'Tag' }).fill('v1.0');
    await press('Point it');
    await dialog().getByText('The tag v1.0 is immutable and cannot be moved').waitFor();
    await press('Cancel');
    await closed();
    await browser.open(`${app}/settings`);
    await button('Delete').click();
    await dialog().getByRole('textbox', { name: 'Type acme/app to go on' }).fill('acme/app');
    await press('Delete');
    await dialog().getByText('cannot be deleted with its project').waitFor();
    await page.setViewportSize({ width: 390, height: 844 });
    await browser.assertAccessible('a refusal in a dialog');
    await dialog().getByRole('link', { name: 'Why is' }).click();
    await page.getByRole('heading', { name: 'Why is this tag immutable?' }).waitFor();

    await assert.rejects(
      pushImage(world.wire, { project: 'acme/app', tag: 'v1.1', image: smallImage() }, { authorization }),
      /immutable/,
    );
    await browser.open('/organisations/acme/trail?outcome=denied&type=container.push.refuse');
    await page.getByRole('table', { name: 'Events' }).getByRole('link').first().click();
    const event = page.getByRole('dialog', { name: 'Event' });
    await event.getByText('A policy locked it on').waitFor();
    await event.getByRole('link', { name: '^v.*$' }).waitFor();
    await browser.assertAccessible('a refusal because of a lock');
    await page.setViewportSize({ width: 1280, height: 800 });
    await event.getByRole('link', { name: 'Why is v1.1 immutable?' }).click();
    await page.getByText('The policy locked v1.1, as it was in version 1').waitFor();

    await theirs.signIn(rita);
    await theirs.open(`${app}/tags/v1.1`);
    await theirs.page.getByText('Immutable, by policy').waitFor();
    assert.equal(await theirs.page.getByRole('heading', { name: 'Why is this tag' }).count(), 0);
    assert.equal(await theirs.page.getByRole('link', { name: 'Immutability' }).count(), 0);
    theirs.assertQuiet();
    browser.assertQuiet();
  });

  test('a project shows its own policies and, marked as such, those it inherits', async () => {
    const { page } = browser;
    await browser.open(`${app}/immutability`);
    await policies().getByText('inherited from acme').waitFor();
    assert.equal(await button('Actions for').count(), 0, 'they are changed where they stand');
    await button('New policy').click();
    await dialog().getByText('All that do not match').click();
    await preview('rc.*|v.*');
    await dialog().getByText('It would lock 0 tags').waitFor();
    await press('Create policy');
    await closed();
    await policies().getByText('every tag whose name does not match').waitFor();
    assert.equal(await policies().locator('tbody tr').count(), 2);
    await browser.assertAccessible('the policies of a project');
    const { sam } = world.people;
    await world.as(world.people.olivia).call('PUT', `${app}/roles/user/sam`, { role: 'maintainer' });
    await theirs.signIn(sam);
    await theirs.open(`${app}/immutability`);
    await theirs.page.getByText('Policies of acme hold here too; its members can see them.').waitFor();
    assert.equal(await theirs.page.getByRole('button', { name: 'New policy' }).count(), 0);
    await theirs.open('/namespaces/sam/immutability');
    await theirs.page.getByRole('button', { name: 'New policy' }).waitFor();
    theirs.assertQuiet();
    browser.assertQuiet();
    await page.getByRole('link', { name: 'where they stand, on acme' }).click();
    await page.getByRole('heading', { level: 1, name: 'acme' }).waitFor();
  });

  test('what a narrowed policy left locked is told, and released as an act of its own', async () => {
    await browser.open('/organisations/acme/immutability');
    await act('^v.*$', 'Change');
    await preview('^v1$');
    await press('Change policy');
    await closed();
    await policies().getByText('that it no longer calls for').waitFor();
    const left = await policies().getByText('that it no longer calls for').textContent();
    const told = /^\d+ tags?/.exec(left ?? '')?.[0];
    await act('^v1$', 'Release what it left locked');
    await dialog().getByRole('textbox', { name: 'Why they are released' }).fill('only the first is final');
    await browser.assertAccessible('releasing');
    await press(`Release ${told}`);
    await dialog()
      .getByText(/unlocked, .* looked at, in/)
      .waitFor();
    await press('Done');
    assert.equal(await immutable('v1.1'), null);
    assert.equal(await immutable('v1'), 'policy');
    assert.equal(await immutable('v2.0'), 'manual', 'what a person locked stays');
    browser.assertQuiet();
  });

  test('deleting a policy leaves its tags locked, says how many, and offers to release them, then or later', async () => {
    const { page } = browser;
    await act('^v1$', 'Delete');
    await dialog().getByText('2 tags that it locked stay locked').waitFor();
    await browser.assertAccessible('deleting a policy');
    await press('Delete policy');
    await dialog().getByText('was deleted, but still holds').waitFor();
    await dialog()
      .getByRole('textbox', { name: 'Why they are released' })
      .and(page.locator(':focus'))
      .waitFor();
    await press('Leave them locked');
    await closed();
    await said('No policies');
    assert.equal(await immutable('v1'), 'policy');
    await button('Show deleted policies').click();
    await browser.assertAccessible('deleted policies');
    await button('Release what ^v1$ holds').click();
    await dialog().getByRole('textbox').fill('the house moves');
    await press('Release 2 tags');
    await dialog().getByText('2 tags unlocked').waitFor();
    await press('Done');
    await page.getByRole('table', { name: 'Deleted policies' }).getByText('nothing').waitFor();
    assert.equal(await immutable('v1'), null);
    browser.assertQuiet();
  });
});
