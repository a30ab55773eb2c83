/**
 * Writes docs/reference/compliance.md from the declarations beside it. Event types are held by their type; commands,
 * settings and tests that are named must exist, or there is no page.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runtimeSettingKeys, settableRetention, switchNames } from '@tallyman/contract';
import { keyNames } from '../../config/names.ts';
import { commands } from '../commands.ts';
import type { Control, Framework, NamedTest } from './control.ts';
import { iso27001, soc2 } from './iso-and-soc.ts';
import { nist } from './nist.ts';

export const frameworks: readonly Framework[] = [soc2, iso27001, nist];

const root = join(import.meta.dirname, '../../../..');

const introduction = `# Controls and their evidence

Generated from \`server/src/cli/compliance/\` by \`npm run gen\`; not to be edited. \`npm test\` runs every test that is named
here, where a database is involved mostly on SQLite and on PostgreSQL; \`npm run check\` fails when one is gone.

For each control: what it asks, in our words (the standards have their own, which bind); what Tallyman does; where the
evidence is; which tests show it; and what is left to you. Software alone meets none of them: a control is met by an
organisation that uses it so. Event types are explained in [events.md](events.md), settings in
[configuration.md](configuration.md) and [failure-auditing.md](../operating/failure-auditing.md), commands in
[cli.md](cli.md).
`;

export async function generate(): Promise<{ path: string; content: string }[]> {
  const wrong = findUnknown(frameworks, readFromRoot);
  if (wrong.length > 0)
    throw new Error(`docs/reference/compliance.md names what is not there:\n${wrong.join('\n')}`);
  const pages = frameworks.map(frameworkSection).join('\n');
  return [{ path: 'docs/reference/compliance.md', content: `${introduction}\n${pages}` }];
}

function readFromRoot(path: string): string | undefined {
  const whole = join(root, path);
  return existsSync(whole) ? readFileSync(whole, 'utf8') : undefined;
}

/** `read`: a file's text, if there is such a file. */
export function findUnknown(of: readonly Framework[], read: (path: string) => string | undefined): string[] {
  const settings = new Set<string>([
    ...keyNames.map(({ yaml }) => yaml),
    ...runtimeSettingKeys,
    ...switchNames,
    ...settableRetention.map((name) => `retention.${name}`),
  ]);
  const names = new Set(commands.map(({ name }) => name));
  return of
    .flatMap(({ controls }) => controls)
    .flatMap((control) => [
      ...control.settings
        .filter((key) => !settings.has(key))
        .map((key) => `${control.number}: the setting ${key}`),
      ...control.commands
        .filter((name) => !names.has(name) && !commands.some((one) => one.name.startsWith(`${name} `)))
        .map((name) => `${control.number}: the command ${name}`),
      ...control.tests
        .filter(([file, title]) => !titlesIn(read(file)).has(title))
        .map(([file, title]) => `${control.number}: the test “${title}” in ${file}`),
    ]);
}

/** Titles of the tests in a file, with the suite each stands in; without the database that they run on. */
function titlesIn(text = ''): ReadonlyMap<string, string> {
  const found = text.matchAll(/\b(describe|test|it)\(\s*(['"`])((?:\\.|(?!\2)[^\\])*)\2/gs);
  const titles = new Map<string, string>();
  let suite = '';
  for (const [, what, , literal = ''] of found) {
    const title = literal
      .replace(/\\(['"`])/g, '$1')
      .replace(/^\$\{engine\}: |,? on \$\{engine\}$/g, '')
      .replace(/\$\{[^}]*\}/g, '…');
    if (what === 'describe') suite = title;
    else titles.set(title, suite);
  }
  return titles;
}

function frameworkSection({ title, about, controls }: Framework): string {
  return [`## ${title}`, '', about, '', ...controls.flatMap(controlSection)].join('\n');
}

function controlSection(control: Control): string[] {
  const { number, title, asks, does, events, settings, yours, tests } = control;
  const told = [
    ...(events.length === 0 ? [] : [`- event types: ${events.map(linkOf).join(', ')}`]),
    ...(settings.length === 0 ? [] : [`- settings: ${codes(settings)}`]),
    ...(control.commands.length === 0
      ? []
      : [`- commands: ${codes(control.commands.map((name) => `tallyman ${name}`))}`]),
  ];
  return [
    `### ${number} ${title}`,
    '',
    `**Asks.** ${asks}`,
    '',
    '**Tallyman.**',
    '',
    ...does.map((one) => `- ${one}`),
    '',
    ...(told.length === 0 ? [] : ['**Evidence.**', '', ...told, '']),
    '**Shown by.**',
    '',
    ...tests.map(testLine),
    '',
    `**Left to you.** ${yours}`,
    '',
  ];
}

function testLine([file, title]: NamedTest): string {
  const suite = titlesIn(readFromRoot(file)).get(title);
  return `- [\`${file}\`](../../${file}): “${suite ? `${suite}: ` : ''}${title}”`;
}

/** As docs/reference/events.md anchors it. */
function linkOf(type: string): string {
  return `[\`${type}\`](events.md#${type.replace(/\./g, '')})`;
}

function codes(texts: readonly string[]): string {
  return texts.map((text) => `\`${text}\``).join(', ');
}
