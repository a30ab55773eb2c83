/** Writes docs/reference/openapi.json and docs/reference/api.md from the contract's table of endpoints. */
import { type ApiRoute, apiRoute, apiRouteIds, permissionTexts, problemStatus } from '@tallyman/contract';
import { openApiDocument } from './openapi.ts';

export async function generate(): Promise<{ path: string; content: string }[]> {
  return [
    { path: 'docs/reference/openapi.json', content: `${JSON.stringify(openApiDocument(), undefined, 2)}\n` },
    { path: 'docs/reference/api.md', content: apiMarkdown() },
  ];
}

const introduction = `# The management API

Everything under \`/api/v1/\`. The same as a machine reads it: [openapi.json](openapi.json), also served at
\`/api/v1/openapi.json\`.

- **Who you are**: \`Authorization: Bearer <access or OAuth token>\`, or basic with a user and password or access token,
  \`$app\` and an app token, or a robot \`owner+name\` and its token; or the console's session cookie, whose changes carry the
  header \`x-tallyman-csrf\`.
- **Scopes** of a token are a ceiling: the rights of its user decide within them.
- **Names** with slashes are percent-encoded as one segment: \`/api/v1/projects/container/team%2Fapp/tags\`.
- **Lists** are pages \`{"items": […], "next": "…"}\`; pass \`next\` as \`cursor\` for the page after it.
- **Bodies** are JSON of at most 1 MiB. A field that is not known is refused.
- **Errors** are \`application/problem+json\` with \`code\`, \`detail\`, where it applies \`reason\` and \`field\`, and the
  \`requestId\` that stands in the event. What is hidden from you is answered as missing.
`;

function apiMarkdown(): string {
  const groups = [...new Set(apiRouteIds.map((id) => id.split('.')[0] as string))];
  const errors = Object.entries(problemStatus).map(([code, status]) => `| \`${code}\` | ${status} |`);
  const sections = groups.flatMap((group) => [
    `## ${group.replaceAll('_', ' ')}`,
    '',
    ...apiRouteIds.filter((id) => id.split('.')[0] === group).flatMap((id) => endpoint(apiRoute(id))),
  ]);
  return [introduction, '| code | status |', '| --- | --- |', ...errors, '', ...sections]
    .join('\n')
    .trimEnd()
    .concat('\n');
}

function endpoint(row: ApiRoute): string[] {
  const { method, path, summary, permission, scope, records, refusal, query, body, errors } = row;
  const list = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(', ');
  return [
    `### \`${method} ${path}\``,
    '',
    `${summary}. ${permissionTexts[permission]}${scope === undefined ? '' : `; token scope \`${scope}\``}.`,
    '',
    ...(query === undefined ? [] : [`- query: ${list(Object.keys(query.shape))}`]),
    ...(body === undefined ? [] : [`- body: ${list(Object.keys(bodyShape(body)))}`]),
    `- answers ${row.status}${row.formats === undefined ? '' : `, also as ${list(row.formats)}`}${errors.length === 0 ? '' : `; else ${list(errors)}`}`,
    `- records ${records.length === 0 ? 'nothing' : list(records)}; a refusal ${list([refusal])}`,
    '',
  ];
}

function bodyShape(body: ApiRoute['body']): object {
  return body !== undefined && 'shape' in body ? (body.shape as object) : {};
}
