/** An event's proof, checked in a real browser: what holds is told so, and what was altered on the way is not believed. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { parseBundleHead } from '@tallyman/verifier';
import { openWorld, type World } from '../support/world.ts';
import { browserSkip, type ConsoleBrowser, openConsole } from './console-browser.ts';

describe('the proof of an event', { skip: browserSkip }, () => {
  let world: World;
  let browser: ConsoleBrowser;
  let event: string;
  const proof = () => browser.page.getByRole('region', { name: 'Proof' });
  const check = async (title: string): Promise<string> => {
    await proof().getByRole('button', { name: 'Check the proof' }).click();
    const told = proof().getByRole('status').filter({ hasText: title });
    await told.waitFor();
    return (await told.textContent()) ?? '';
  };

  before(async () => {
    world = await openWorld();
    browser = await openConsole(world.server.url);
    await browser.signIn(world.people.olivia);
    const page: unknown = await world
      .as(world.people.olivia)
      .call('GET', '/events?view=project&project=acme/app&type=container.tag.create');
    event = (page as { items: { id: string }[] }).items[0]?.id ?? '';
  });
  after(async () => {
    await browser?.[Symbol.asyncDispose]();
    await world?.[Symbol.asyncDispose]();
  });

  test('holds: the index, the signed head and the public body are shown', async () => {
    const { page } = browser;
    await browser.open(`/events/${event}`);
    assert.match(await check('Proven'), /stands unaltered.*at index \d+/);
    await proof().getByText('Signed by').waitFor();
    await proof().getByRole('button', { name: 'Show the public body' }).click();
    const body = JSON.parse((await proof().locator('pre').textContent()) ?? '') as Record<string, never>;
    assert.equal(body.id, event);
    assert.deepEqual(Object.keys((body.actor as unknown as { name: object }).name), ['#']);
    await browser.assertAccessible('a proof');

    const download = page.waitForEvent('download');
    await proof().getByRole('link', { name: 'Download the bundle' }).click();
    const [head = ''] = (await readFile(await (await download).path(), 'utf8')).split('\n');
    assert.equal(parseBundleHead(head).events, 1);
    browser.assertQuiet();
  });

  test('does not hold under another key', async () => {
    await browser.open(`/events/${event}`);
    const key = proof().getByRole('textbox', { name: 'Key of the log' });
    const server = await key.inputValue();
    await key.fill('registry.example/log+f6560eea+AT0avqPgf6Pm9S6c/Ue4YPo4zhM+LX2Sf8PdVegigHT0');
    assert.match(await check('Not proven'), /wrong origin/);
    await key.fill('no key at all');
    assert.match(await check('Not proven'), /malformed key/);
    await key.fill(server);
    await check('Proven');
    browser.assertQuiet();
  });

  test('does not hold when a byte was changed on the way, or when it is another event’s', async () => {
    const { page } = browser;
    const path = `**/api/v1/events/${event}/proof`;
    await page.route(path, async (route) => {
      const answer = await route.fetch();
      await route.fulfill({ response: answer, body: (await answer.text()).replace('success', 'denied!') });
    });
    await browser.open(`/events/${event}`);
    assert.match(await check('Not proven'), /Download the bundle, keep it/);
    await page.unroute(path);
    const other: unknown = await world
      .as(world.people.olivia)
      .call('GET', '/events?view=project&project=acme/app&type=project.entry.create');
    const id = (other as { items: { id: string }[] }).items[0]?.id ?? '';
    await page.route(path, async (route) => {
      const url = route.request().url().replace(event, id);
      await route.fulfill({ response: await route.fetch({ url }) });
    });
    assert.match(await check('Not proven'), /the proof of another event/);
    await page.unroute(path);
    browser.assertQuiet();
  });

  test('does not cover what a server shows otherwise than it was', async () => {
    const { page } = browser;
    await page.route(`**/api/v1/events/${event}`, async (route) => {
      const answer = await route.fetch();
      const shown = (await answer.json()) as { actor: object };
      await route.fulfill({
        response: answer,
        json: { ...shown, actor: { ...shown.actor, name: 'somebody else' } },
      });
    });
    await browser.open(`/events/${event}`);
    assert.match(await check('The log holds something else than this page shows'), /\/actor\/name/);
    browser.assertQuiet();
  });
});
