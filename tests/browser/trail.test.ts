/** The trail in the browser: what was refused is seen, filtered on the server, linked to, and followed live. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { waitFor } from '../support/wait-for.ts';
import { openWorld, type World } from '../support/world.ts';
import { adminOf, browserSkip, type ConsoleBrowser, openConsole } from './console-browser.ts';

describe('the trail', { skip: browserSkip }, () => {
  let world: World;
  let browser: ConsoleBrowser;
  const rows = () => browser.page.getByRole('table', { name: 'Events' }).locator('tbody tr');

  before(async () => {
    world = await openWorld();
    browser = await openConsole(world.server.url, { timezoneId: 'Asia/Tokyo' });
  });
  after(async () => {
    await browser?.[Symbol.asyncDispose]();
    await world?.[Symbol.asyncDispose]();
  });

  test('a refused sign-in says so, and stands on the trail', async () => {
    const { page } = browser;
    await browser.open('/administration/trail?outcome=denied');
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    browser.expectRefusals(401);
    await browser.sendSignIn({ name: 'mara', password: 'not her password' });
    await page.getByRole('alert').getByText('Not signed in').waitFor();

    await browser.sendSignIn(adminOf(world.server));
    // It goes on to where one wanted to be, filter and all.
    await page.getByRole('heading', { name: 'Everything' }).waitFor();
    assert.equal(new URL(page.url()).search, '?outcome=denied');
    const row = rows().filter({ hasText: 'A sign-in as mara' }).first();
    await row.waitFor();
    assert.match((await row.textContent()) ?? '', /Denied.*wrong_password/);
    browser.assertQuiet();
  });

  test('a filter is an address: it can be linked to, taken back, and is applied by the server', async () => {
    const { page } = browser;
    await browser.open('/administration/trail');
    await rows().first().waitFor();
    await page.getByRole('combobox', { name: 'Outcome' }).click();
    await page.getByRole('option', { name: 'Denied' }).click();
    await page.waitForURL('**/administration/trail?outcome=denied');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'All filters' }).click();
    await page.getByRole('combobox', { name: 'Reason' }).fill('wrong_password');
    await page.getByRole('option', { name: 'wrong_password' }).click();
    await page.waitForURL('**/administration/trail?outcome=denied&reason=wrong_password');
    await page.getByRole('list', { name: 'Active filters' }).getByText('wrong password').waitFor();
    for (const row of await rows().all()) assert.match((await row.textContent()) ?? '', /wrong_password/);

    await page.goBack();
    await page.waitForURL('**/administration/trail?outcome=denied');
    await page.getByRole('button', { name: 'Remove filter Outcome denied' }).click();
    await page.waitForURL('**/administration/trail');

    await browser.open(
      '/administration/trail?type=container.tag.&type=project.entry.create&project=acme/app',
    );
    await rows().first().waitFor();
    const titles = await rows().evaluateAll((found) => found.map((row) => row.textContent ?? ''));
    assert.ok(titles.length >= 2);
    for (const title of titles) assert.match(title, /created the (tag|project)/);
    browser.assertQuiet();
  });

  test('a filter the server does not know is told, with the field', async () => {
    const { page } = browser;
    browser.expectRefusals(400);
    await browser.open('/administration/trail?reason=bad_mood');
    await page.getByRole('alert').getByText('reason').first().waitFor();
    browser.assertQuiet();
  });

  test('an event opens beside the list, in words and in full, and leads on to its like', async () => {
    const { page } = browser;
    await browser.open('/administration/trail?outcome=denied&reason=wrong_password');
    const link = rows().getByRole('link').first();
    await link.focus();
    await page.keyboard.press('Enter');
    const drawer = page.getByRole('dialog', { name: 'Event' });
    await drawer.getByText('wrong password (wrong_password)').waitFor();
    const id = new URL(page.url()).searchParams.get('event');
    assert.ok(id);
    await drawer.getByText('account.sign_in.refuse').first().waitFor();
    await drawer.getByRole('button', { name: 'Show JSON' }).click();
    const shown = JSON.parse((await drawer.locator('pre').textContent()) ?? '') as Record<string, unknown>;
    assert.equal(shown.id, id);
    assert.equal(shown.type, 'account.sign_in.refuse');
    await page.keyboard.press('Escape');
    await drawer.waitFor({ state: 'hidden' });
    assert.equal(new URL(page.url()).searchParams.get('event'), null);

    await browser.open(`/events/${id}`);
    await page.getByText('wrong password (wrong_password)').waitFor();
    await page.getByRole('link', { name: 'by mara' }).click();
    await page.getByRole('heading', { name: 'Everything' }).waitFor();
    assert.equal(new URL(page.url()).searchParams.get('actor'), world.people.mara.id);
    await rows().first().waitFor();
    browser.assertQuiet();
  });

  test('times are the reader’s own, and UTC to the microsecond on hover', async () => {
    await browser.open('/administration/trail');
    const time = rows().first().locator('time');
    const at = (await time.getAttribute('datetime')) ?? '';
    const inTokyo = new Date(Date.parse(at) + 9 * 3_600_000).toISOString();
    assert.equal(await time.textContent(), inTokyo.slice(11, 19) + inTokyo.slice(0, 10));
    assert.equal(await time.getAttribute('title'), at.replace('T', ' ').replace('Z', ' UTC'));
  });

  test('pages go both ways', async () => {
    const { page } = browser;
    for (let made = 0; made < 60; made++)
      await world.admin.call('PUT', '/settings/organisations.create', {
        value: made % 2 === 0 ? 'administrators' : 'users',
      });
    const count = (events: number) => page.getByText(`${events} events on this page`).waitFor();
    await browser.open('/administration/trail?type=system.setting.change');
    await count(50);
    const newest = await rows().first().locator('time').getAttribute('datetime');
    await page.getByRole('link', { name: 'Older' }).click();
    await count(10);
    assert.match(page.url(), /cursor=/);
    await page.getByRole('link', { name: 'Newer' }).click();
    await count(50);
    assert.equal(await rows().first().locator('time').getAttribute('datetime'), newest);
    browser.assertQuiet();
  });

  test('the chart counts what the list holds, and a bar of it leads to its time', async () => {
    const { page } = browser;
    const chart = page.getByRole('figure', { name: 'Events over time' });
    await browser.open('/administration/trail?type=system.setting.change');
    await chart.getByText('Success 60').waitFor();
    const today = chart.getByRole('link', { name: /: 60 success$/ });
    await today.waitFor();
    const days = await chart.getByRole('link').count();
    assert.ok(days >= 30 && days <= 32, `${days} days`);
    // One stop for the keyboard, and the arrows within it.
    await chart.locator('a[tabindex="0"]').focus();
    await page.keyboard.press('Home');
    await chart
      .getByRole('link', { name: /no events/ })
      .first()
      .and(page.locator(':focus'))
      .waitFor();
    await page.keyboard.press('End');
    await chart.getByRole('link').last().and(page.locator(':focus')).waitFor();
    await today.click();
    await page.waitForURL(/from=.*to=/);
    await page.getByText('50 events on this page').waitFor();
    // A day is drawn by the hour.
    await chart.getByRole('link').nth(23).waitFor();
    await chart.getByText('Success 60').waitFor();
    await browser.assertAccessible('the chart of a day');

    await page.getByRole('button', { name: 'Hide chart' }).click();
    await chart.waitFor({ state: 'detached' });
    await page.reload();
    await page.getByText('50 events on this page').waitFor();
    assert.equal(await chart.count(), 0);
    await page.getByRole('button', { name: 'Show chart' }).click();
    await chart.waitFor();
    browser.assertQuiet();
  });

  test('live events come by themselves, wait while paused, and are not doubled', async () => {
    const { page } = browser;
    await browser.open('/administration/trail?type=account.email.change');
    await page.getByRole('button', { name: 'Live' }).click();
    await page.getByRole('button', { name: 'Pause · live' }).waitFor();
    const change = (email: string) => world.admin.call('PUT', '/users/rita/email', { email });
    await change('rita@one.example');
    await rows().filter({ hasText: 'changed the e-mail of rita' }).first().waitFor();
    assert.equal(await rows().count(), 1);
    await page.getByRole('button', { name: 'Pause' }).click();
    await change('rita@two.example');
    await page.getByRole('button', { name: 'Go on · 1 new' }).click();
    await rows().nth(1).waitFor();
    assert.equal(await rows().count(), 2);
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByRole('button', { name: 'Live' }).waitFor();
    browser.assertQuiet();
  });

  test('what is shown can be taken away as NDJSON and CSV', async () => {
    const { page } = browser;
    await browser.open('/administration/trail?type=account.email.change');
    for (const [item, check] of [
      [
        'NDJSON',
        (text: string) => assert.equal(JSON.parse(text.split('\n')[0] ?? '').type, 'account.email.change'),
      ],
      ['CSV', (text: string) => assert.match(text, /account\.email\.change/)],
    ] as const) {
      await page.getByRole('button', { name: 'Export' }).click();
      const download = page.waitForEvent('download');
      await page.getByRole('menuitem', { name: item }).click();
      const saved = await download;
      // The browser asked for it itself: the page never held it.
      assert.equal(new URL(saved.url()).origin, world.server.url);
      assert.equal(saved.suggestedFilename(), `tallyman-events.${item.toLowerCase()}`);
      check(await readFile(await saved.path(), 'utf8'));
      await page.getByRole('status').getByText('Export started').waitFor();
    }
    browser.assertQuiet();
  });

  test('an export that would be refused is not begun, and the page says why', async () => {
    const { page } = browser;
    browser.expectRefusals(400, 400);
    await browser.open('/administration/trail?reason=bad_mood');
    await page.getByRole('button', { name: 'Export' }).click();
    await page.getByRole('menuitem', { name: 'CSV' }).click();
    await page.getByText('The export did not start').waitFor();
    browser.assertQuiet();
  });

  test('an export begins only from a page of the console', async () => {
    const asked = `${world.server.url}/api/v1/events?view=administration&export=csv`;
    await using other = await openConsole(world.server.url);
    await other.signIn(adminOf(world.server));
    // As a link on somebody else’s page: the cookie stays at home.
    const page = `<a href="${asked}">a picture of a cat</a>`;
    await other.page.goto(`data:text/html,${encodeURIComponent(page)}`);
    const [answer] = await Promise.all([
      other.page.waitForResponse(asked),
      other.page.getByRole('link').click(),
    ]);
    assert.equal(answer.status(), 401);
  });

  test('a refusal is told in words: who, with what, on what, from where, and why', async () => {
    const { page } = browser;
    const { rita } = world.people;
    const path = '/v2/acme/app/manifests/v1';
    const headers = { authorization: rita.key.basic, 'user-agent': 'docker/28.0' };
    assert.equal((await world.wire.send({ method: 'DELETE', path, headers })).status, 403);
    await browser.open('/administration/trail?type=container.delete.refuse');
    await rows().getByRole('link').first().click();
    const words = page.getByRole('dialog', { name: 'Event' }).locator('dl');
    await words.getByText('The user rita').waitFor();
    const told = (await words.textContent()) ?? '';
    for (const part of [
      /With which credentialPassword/,
      /What was triedDelete: v1 in acme\/app/,
      /From where127\.0\.0\.1, by docker\/28\.0/,
      /Why notThe role held does not allow it \(not_permitted\): the role reader was held where the role maintainer is needed/,
      /What it was toldYou may not delete from acme\/app/,
    ])
      assert.match(told, part);
    await browser.assertAccessible('an event beside the list');
    browser.assertQuiet();
  });

  test('an event leads to what brought it about and to what followed from it', async () => {
    const { page } = browser;
    const owner = world.as(world.people.olivia);
    await owner.call('POST', '/organisations', { name: 'shortlived' });
    await owner.call('POST', '/projects', { format: 'container', path: 'shortlived/app' });
    await owner.call('DELETE', '/organisations/shortlived');
    await browser.open('/administration/trail?type=organisation.account.delete');
    await rows().getByRole('link').first().click();
    await page.getByRole('link', { name: 'Own page' }).click();
    const effects = page.getByRole('region', { name: 'What followed from it' });
    await effects.getByRole('link', { name: 'deleted the project shortlived/app' }).click();
    await page.getByRole('heading', { level: 1, name: 'Project deleted' }).waitFor();
    await page.getByText('No event that you may read names this one as its cause').waitFor();
    await browser.assertAccessible('an event’s page');
    await page.getByRole('link', { name: 'Organisation deleted' }).click();
    await page.getByRole('heading', { level: 1, name: 'Organisation deleted' }).waitFor();
    browser.assertQuiet();
  });

  test('what lies behind very many events is looked for until it is found, or until one stops it', async () => {
    const { page } = browser;
    const maintainer = world.as(world.people.mara);
    const tagsOf = '/projects/container/acme%2Fapp/tags';
    const { digest } = world.image.manifest;
    const putTag = (tag: string) => maintainer.call('PUT', `${tagsOf}/${tag}`, { digest });
    await putTag('needle');
    // More than a page looks through.
    const tags = Array.from({ length: 7_000 }, (_none, at) => `hay-${at}`);
    await Promise.all(
      Array.from({ length: 32 }, async () => {
        for (let tag = tags.pop(); tag !== undefined; tag = tags.pop()) await putTag(tag);
      }),
    );
    await browser.open('/administration/trail?text=needle');
    await rows().first().waitFor();
    assert.match((await rows().first().textContent()) ?? '', /created the tag needle/);

    // A log without end: each page says that there is more behind it.
    let asked = 0;
    await page.route('**/api/v1/events?*cursor=*', (route) =>
      route.fulfill({ json: { items: [], next: `further-${++asked}`, previous: 'newer', partial: true } }),
    );
    await page.goto(`${world.server.url}/administration/trail?text=nowhere-to-be-found`);
    await page.getByText('Looking through older events…').waitFor();
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByText('Nothing among the events looked through so far').waitFor();
    // Never so while it goes on.
    await page.waitForLoadState('networkidle');
    const before = asked;
    assert.ok(before > 0);
    await page.getByRole('button', { name: 'Go on' }).click();
    await waitFor('it to go on', () => asked > before);
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.unroute('**/api/v1/events?*cursor=*');
    browser.assertQuiet();
  });
});
