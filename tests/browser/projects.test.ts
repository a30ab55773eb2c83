/** Organisations, their people, projects and tags in the browser, and what is said to whoever may not. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { pushImage, smallImage } from '../support/registry-client.ts';
import { openWorld, type World } from '../support/world.ts';
import { browserSkip, type ConsoleBrowser, openConsole } from './console-browser.ts';

describe('organisations and projects', { skip: browserSkip }, () => {
  let world: World;
  let browser: ConsoleBrowser;
  const dialog = () => browser.page.getByRole('dialog');
  const row = (name: string) => browser.page.getByRole('row', { name });
  const heading = (name: string) => browser.page.getByRole('heading', { level: 1, name, exact: true });
  const act = async (name: string, what: string): Promise<void> => {
    await row(name)
      .getByRole('button', { name: `Actions for ${name}`, exact: true })
      .click();
    await browser.page.getByRole('menuitem', { name: what }).click();
  };
  const confirm = async (action: string): Promise<void> => {
    await dialog().getByRole('button', { name: action, exact: true }).click();
    await dialog().waitFor({ state: 'hidden' });
  };
  const told = (text: string | RegExp) => browser.page.getByRole('alert').getByText(text).first().waitFor();
  const pulls = async (person: 'sam' | 'rita', project: string): Promise<number> =>
    (
      await world.wire.send({
        path: `/v2/${project}/manifests/v1`,
        headers: { authorization: world.people[person].key.basic },
      })
    ).status;

  before(async () => {
    world = await openWorld();
    browser = await openConsole(world.server.url);
    await browser.signIn(world.people.olivia);
  });
  after(async () => {
    await browser?.[Symbol.asyncDispose]();
    await world?.[Symbol.asyncDispose]();
  });

  test('an organisation with a dot in its name is made, and every page of it reloads', async () => {
    const { page } = browser;
    await browser.open('/organisations');
    await page.getByRole('button', { name: 'New organisation' }).click();
    const name = dialog().getByRole('textbox', { name: 'Name' });
    await name.fill('acme');
    browser.expectRefusals(409);
    await dialog().getByRole('button', { name: 'Create organisation' }).click();
    await told(/taken|exists/);
    await name.fill('acme.io');
    await dialog().getByRole('button', { name: 'Create organisation' }).click();
    await heading('acme.io').waitFor();
    for (const path of ['', '/members', '/trail', '/settings']) {
      await page.goto(`${world.server.url}/organisations/acme.io${path}`);
      await page.reload();
      await heading('acme.io').waitFor();
    }
    const missing = await fetch(`${world.server.url}/assets/index-00000000.js`);
    assert.equal(missing.status, 404);
    browser.assertQuiet();
  });

  test('a member is added, made an owner and removed; the last owner stays', async () => {
    const { page } = browser;
    await browser.open('/organisations/acme.io/members');
    const user = page.getByRole('textbox', { name: 'Add a user' });
    browser.expectRefusals(404);
    await user.fill('nobody');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await told(/no such user/i);
    assert.equal(await user.inputValue(), 'nobody', 'it stays, to be corrected');
    await user.fill('mara');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await row('mara').getByText('member', { exact: true }).waitFor();
    await act('mara', 'Make an owner');
    await row('mara').getByText('owner', { exact: true }).waitFor();
    await act('mara', 'Remove');
    await confirm('Remove');
    await row('mara').waitFor({ state: 'detached' });
    await act('olivia', 'Remove');
    browser.expectRefusals(409);
    await dialog().getByRole('button', { name: 'Remove' }).click();
    await told(/last owner/);
    await dialog().getByRole('button', { name: 'Cancel' }).click();
    browser.assertQuiet();
  });

  test('failure auditing of a namespace is its owner’s only where the server leaves it to them', async () => {
    const { page } = browser;
    const pulling = page.getByRole('combobox', { name: 'Refused reads of projects' });
    await world.admin.call('PUT', '/switches/failed_pulls', { mode: 'on' });
    await browser.open('/organisations/acme/switches');
    assert.equal(await pulling.isDisabled(), true);
    await page.getByText('the server’s administrators decide this one').first().waitFor();
    await world.admin.call('PUT', '/switches/failed_pulls', { mode: 'namespace' });
    await browser.open('/organisations/acme/switches');
    const choose = async (mode: string, action: string): Promise<void> => {
      await pulling.click();
      await page.getByRole('option', { name: mode, exact: true }).click();
      await confirm(action);
    };
    await choose('Off', 'Turn off');
    await page.getByText('not recording').waitFor();
    await choose('On', 'Turn on');
    await page.getByText('not recording').waitFor({ state: 'detached' });
    browser.assertQuiet();
  });

  test('a project is found by part of its path, also after many others', async () => {
    const { page } = browser;
    const owner = world.as(world.people.olivia);
    for (let made = 0; made < 60; made++)
      await owner.call('POST', '/projects', { format: 'container', path: `acme.io/many-${made}` });
    await owner.call('POST', '/projects', { format: 'container', path: 'acme.io/team_a/needle.js' });
    await browser.open('/projects');
    const projects = page.getByRole('table', { name: 'Projects' });
    assert.equal(await projects.getByText('needle').count(), 0, 'it is on a later page');
    const search = page.getByRole('searchbox', { name: 'Part of the project’s path' });
    await search.fill('M_A/NEED');
    await projects.getByRole('link', { name: 'acme.io/team_a/needle.js' }).waitFor();
    assert.equal(await projects.locator('tbody tr').count(), 1);
    await search.fill('no such thing');
    await page.getByText('No project with “no such thing” in its path').waitFor();
    await search.fill('needle');
    await projects.getByRole('link').click();
    await heading('acme.io/team_a/needle.js').waitFor();
    await page.reload();
    await heading('acme.io/team_a/needle.js').waitFor();
    browser.assertQuiet();
  });

  test('a project is made, published, hidden, renamed and deleted', async () => {
    const { page } = browser;
    await browser.open('/projects');
    await page.getByRole('button', { name: 'New project' }).click();
    const path = dialog().getByRole('textbox', { name: 'Path' });
    browser.expectRefusals(400, 404);
    await path.fill('Not A Path');
    await dialog().getByRole('button', { name: 'Create project' }).click();
    await told('field “path”');
    await path.fill('sam/mine');
    await dialog().getByRole('button', { name: 'Create project' }).click();
    await told(/no such namespace|may not/i);
    await path.fill('acme/lib');
    await dialog().getByRole('button', { name: 'Create project' }).click();
    await heading('acme/lib').waitFor();
    const { basic: authorization } = world.people.olivia.key;
    await pushImage(world.wire, { project: 'acme/lib', tag: 'v1', image: smallImage() }, { authorization });

    await page.getByRole('link', { name: 'Settings' }).last().click();
    await page.getByRole('button', { name: 'Publish' }).click();
    await confirm('Publish');
    await page.getByText('Anyone may pull, signed in or not.').waitFor();
    assert.equal(await pulls('sam', 'acme/lib'), 200);
    await page.getByRole('button', { name: 'Hide' }).click();
    await confirm('Hide');
    await page.getByText('Only those with a role may pull.').waitFor();
    assert.equal(await pulls('sam', 'acme/lib'), 404);

    const name = page.getByRole('textbox', { name: 'Name' });
    browser.expectRefusals(409);
    await name.fill('app');
    await page.getByRole('button', { name: 'Rename' }).click();
    await told(/taken|exists/);
    await name.fill('library');
    await page.getByRole('button', { name: 'Rename' }).click();
    await heading('acme/library').waitFor();
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await dialog().getByRole('textbox', { name: 'Type acme/library to go on' }).fill('acme/library');
    await confirm('Delete');
    await heading('Projects').waitFor();
    await page.getByRole('searchbox').fill('acme/li');
    await page.getByText('No project with “acme/li” in its path').waitFor();
    browser.assertQuiet();
  });

  test('a role is granted on a project and taken away', async () => {
    const { page } = browser;
    await browser.open('/projects/container/acme%2Fapp/roles');
    const who = page.getByRole('textbox', { name: 'Grant a role to' });
    browser.expectRefusals(404);
    await who.fill('nobody');
    await page.getByRole('button', { name: 'Grant', exact: true }).click();
    await told(/no such/i);
    await who.fill('sam');
    await page.getByRole('button', { name: 'Grant', exact: true }).click();
    await row('sam').getByText('reader', { exact: true }).waitFor();
    assert.equal(await pulls('sam', 'acme/app'), 200);
    await page.getByRole('button', { name: 'Take away the role of sam' }).click();
    await row('sam').waitFor({ state: 'detached' });
    assert.equal(await pulls('sam', 'acme/app'), 404);
    browser.assertQuiet();
  });

  test('a tag is pointed, given an end, deleted and restored', async () => {
    const { page } = browser;
    const tags = '/projects/container/acme%2Fopen/tags';
    await browser.open(tags);
    await act('v1', 'Point another tag here');
    const name = dialog().getByRole('textbox', { name: 'Tag' });
    await name.fill('-not a tag-');
    browser.expectRefusals(400);
    await dialog().getByRole('button', { name: 'Point it' }).click();
    await told('field “tag”');
    await name.fill('v1.0');
    await confirm('Point it');
    await act('v1.0', 'Set expiry');
    const ends = dialog().getByLabel('Expires');
    await ends.fill('2020-01-01T00:00');
    browser.expectRefusals(400);
    await dialog().getByRole('button', { name: 'Set expiry' }).click();
    await told(/expiresAt/);
    await ends.fill('2040-01-01T00:00');
    await confirm('Set expiry');
    await row('v1.0').getByText('2040-01-01').waitFor();
    await act('v1.0', 'Delete');
    await confirm('Delete');
    await row('v1.0').waitFor({ state: 'detached' });

    // Its page stays, to restore it.
    browser.expectRefusals(404);
    await browser.open(`${tags}/v1.0`);
    await page.getByText('Deleted.').waitFor();
    await page.getByRole('button', { name: 'Restore to' }).first().click();
    await confirm('Restore');
    const history = page.getByRole('table', { name: 'History' });
    await history.getByText('now').waitFor();
    await history.getByText('by olivia, by restoring it').waitFor();
    await history.getByText('deleted by olivia, on request').waitFor();
    const at = page.getByLabel('Where did it point at');
    await at.fill('2020-01-01T00:00:00');
    await page.getByText('Nowhere: it was not there then.').waitFor();
    await browser.assertAccessible('the history of a tag');
    browser.expectRefusals(400);
    await at.fill('2040-01-01T00:00:00');
    await told(/lies in the future/);
    const { createdAt } = await world.as(world.people.olivia).call('GET', `${tags}/v1`);
    await browser.open(`${tags}/v1`);
    // As a field for times takes it, in the reader’s zone.
    await at.fill(new Date(String(createdAt)).toLocaleString('sv-SE').replace(' ', 'T'));
    await page.getByRole('status').getByText('by olivia, with a push').waitFor();
    await browser.open(tags);
    await row('v1.0').waitFor();
    browser.assertQuiet();
  });

  test('who may only read is offered no change, and is told when the address is typed', async () => {
    await using theirs = await openConsole(world.server.url);
    const { page } = theirs;
    await theirs.signIn(world.people.rita);
    await theirs.open('/projects/container/acme%2Fapp/tags');
    await page.getByRole('row', { name: 'v1' }).waitFor();
    assert.equal(await page.getByRole('button', { name: 'Actions for v1' }).count(), 0);
    assert.equal(await page.getByRole('link', { name: 'Roles' }).count(), 0);
    theirs.expectRefusals(403);
    await theirs.open('/projects/container/acme%2Fapp/roles');
    await page.getByRole('alert').getByText('owner').first().waitFor();
    theirs.assertQuiet();
  });
});
