/** Makes docs/reference/configuration.md from the declaration of the keys. */
import { clientVariables, configuration } from '@tallyman/contract';
import { type KeyName, keyNames } from './names.ts';

export async function generate(): Promise<{ path: string; content: string }[]> {
  return [{ path: 'docs/reference/configuration.md', content: page() }];
}

const head = `# Configuration

Made from \`contract/src/configuration.ts\` by \`npm run gen\`; do not edit.

Nothing has to be configured. What is, is read once at start from \`tallyman.yaml\` and from environment variables; a variable wins over the file, and an empty variable counts as not set.
The file is the one that \`--config\` names, else \`TALLYMAN_CONFIG\`, else \`tallyman.yaml\` in the working directory, if there is one. A key that is not on this page is refused, with the nearest one that is;
\`tallyman serve\` then ends with exit code 3 and names every problem with its key and source. How the parts fit together is told in [operating/configuration.md](../operating/configuration.md).

\`\`\`yaml
# tallyman.yaml
data:
  dir: /var/lib/tallyman
http:
  host: 0.0.0.0
  trusted_proxies: [10.0.0.5]
public:
  url: https://registry.example.org
\`\`\``;

function page(): string {
  const sections = Object.entries(configuration).map(([section, { title }]) =>
    [`## ${title}`, ...keyNames.filter((name) => name.section === section).map(entry)].join('\n\n'),
  );
  const variables = Object.entries(clientVariables).map(([name, text]) => `| \`${name}\` | ${text} |`);
  const client = [
    '## Variables of the command line',
    ['| variable | meaning |', '|---|---|', ...variables].join('\n'),
  ].join('\n\n');
  return `${[head, ...sections, client].join('\n\n')}\n`;
}

function entry({ yaml, variable, declaration }: KeyName): string {
  const { description, form, example, secret } = declaration;
  const facts = [
    `| in the file | \`${yaml}\` |`,
    `| in the environment | \`${variable}\` |`,
    `| value | ${form}${secret === true ? '; secret, never printed' : ''} |`,
    `| default | ${defaultOf(declaration)} |`,
    ...(example === undefined ? [] : [`| example | \`${example}\` |`]),
  ];
  return `### \`${yaml}\`\n\n${description}\n\n| | |\n|---|---|\n${facts.join('\n')}`;
}

function defaultOf({ defaultText, schema }: KeyName['declaration']): string {
  if (defaultText !== undefined) return defaultText;
  const value: unknown = schema.parse(undefined);
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return 'none';
  return `\`${String(value)}\``;
}
