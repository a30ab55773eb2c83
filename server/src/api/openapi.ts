/** The OpenAPI 3.1 document, derived from the contract's table of endpoints and its schemas. */
import * as contract from '@tallyman/contract';
import {
  type ApiRoute,
  apiRoute,
  apiRouteIds,
  csrfHeader,
  type ProblemCode,
  permissionTexts,
  problemMediaType,
  problemStatus,
  tokenScopes,
} from '@tallyman/contract';
import { z } from 'zod';

export const openApiPath = '/api/v1/openapi.json';

type Json = { [key: string]: unknown };

const everywhere: readonly ProblemCode[] = [
  'invalid',
  'unauthenticated',
  'rate_limited',
  'internal',
  'unavailable',
];
let made: Json | undefined;

/** Each schema that the contract exports is a component, named after its export: `userSchema` -> `User`. */
const names = z.registry<{ id: string }>();
for (const [key, value] of Object.entries(contract)) {
  if (!key.endsWith('Schema') || !(value instanceof z.ZodType)) continue;
  names.add(value, { id: key.charAt(0).toUpperCase() + key.slice(1, -'Schema'.length) });
}

/** Made once; the same object on each call. */
export function openApiDocument(): Json {
  made ??= makeDocument();
  return made;
}

function makeDocument(): Json {
  const schemas: Json = {};
  return {
    openapi: '3.1.1',
    info: {
      title: 'Tallyman management API',
      version: '1',
      description:
        'Accounts, projects, settings and the audit trail. Names with slashes are percent-encoded as one path segment. Lists are pages: pass `next` of a page as `cursor` for the one after it.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ bearer: [] }, { basic: [] }, { session: [] }],
    paths: paths(schemas),
    components: {
      schemas: Object.assign(schemas, {
        Problem: schemaOf(contract.problemSchema, { io: 'output', schemas, inline: true }),
      }),
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: `An access token or OAuth token. Scopes: ${Object.keys(tokenScopes).join(', ')}.`,
        },
        basic: {
          type: 'http',
          scheme: 'basic',
          description:
            'A user with password or access token, `$app` with an app token, a robot `owner+name` with its token.',
        },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: 'tallyman_session',
          description: `Changes also need the header ${csrfHeader}.`,
        },
      },
    },
  };
}

function paths(schemas: Json): Json {
  const found: Record<string, Json> = {};
  for (const id of apiRouteIds) {
    const row = apiRoute(id);
    const path = found[row.path] ?? {};
    path[row.method.toLowerCase()] = operation(id, row, schemas);
    found[row.path] = path;
  }
  return found;
}

function operation(id: string, row: ApiRoute, schemas: Json): Json {
  const scope = row.scope === undefined ? '' : ` A token needs the scope \`${row.scope}\`.`;
  const parameters = [
    ...parametersOf(row.params, 'path', schemas),
    ...parametersOf(row.query, 'query', schemas),
  ];
  return {
    operationId: id,
    tags: [id.split('.')[0]],
    summary: row.summary,
    description: `${permissionTexts[row.permission]}.${scope}${recordsOf(row)}`,
    ...(row.permission === 'anyone' && { security: [{}, { bearer: [] }, { basic: [] }, { session: [] }] }),
    ...(parameters.length > 0 && { parameters }),
    ...(row.body !== undefined && {
      requestBody: {
        required: true,
        content: { 'application/json': { schema: schemaOf(row.body, { io: 'input', schemas }) } },
      },
    }),
    responses: { [row.status]: success(row, schemas), ...failures(row) },
  };
}

function recordsOf({ records, refusal }: ApiRoute): string {
  const done = records.length === 0 ? '' : ` Records ${records.map((type) => `\`${type}\``).join(', ')}.`;
  return `${done} A refusal is recorded as \`${refusal}\`.`;
}

function success({ response, formats, summary }: ApiRoute, schemas: Json): Json {
  const content: Json = {};
  if (response !== undefined)
    content['application/json'] = { schema: schemaOf(response, { io: 'output', schemas }) };
  for (const format of formats ?? []) content[format] = { schema: { type: 'string' } };
  return { description: summary, ...(Object.keys(content).length > 0 && { content }) };
}

function failures(row: ApiRoute): Json {
  const codes = [...everywhere, ...row.errors].filter(
    (code) => code !== 'unauthenticated' || row.permission !== 'anyone',
  );
  const content = { [problemMediaType]: { schema: { $ref: '#/components/schemas/Problem' } } };
  const byStatus = new Map(codes.map((code) => [problemStatus[code], code]));
  return Object.fromEntries(
    [...byStatus]
      .sort(([a], [b]) => a - b)
      .map(([status, code]) => [status, { description: `\`${code}\``, content }]),
  );
}

function parametersOf(schema: z.ZodObject | undefined, place: 'path' | 'query', schemas: Json): Json[] {
  if (schema === undefined) return [];
  const { properties, required } = schemaOf(schema, { io: 'input', schemas, inline: true }) as {
    properties: Json;
    required?: string[];
  };
  return Object.entries(properties).map(([name, property]) => {
    const { description, ...rest } = property as Json;
    return {
      name,
      in: place,
      required: place === 'path' || (required ?? []).includes(name),
      ...(description !== undefined && { description }),
      schema: rest,
    };
  });
}

/**
 * `schemas` collects the named schemas it refers to. Inline: itself not as a reference. A name that means one thing when
 * sent and another when received does not fit one component.
 */
function schemaOf(
  schema: z.ZodType,
  { io, schemas, inline }: { io: 'input' | 'output'; schemas: Json; inline?: true },
): Json {
  const id = names.get(schema)?.id;
  const {
    $schema: _dialect,
    $defs = {},
    ...own
  } = rewritten(z.toJSONSchema(schema, { io, metadata: names, reused: 'inline' }));
  for (const [name, value] of Object.entries($defs as Json)) {
    if (inline && name === id) return value as Json;
    addComponent(schemas, name, value as Json);
  }
  return own;
}

function addComponent(schemas: Json, name: string, schema: Json): void {
  const known = schemas[name];
  if (known !== undefined && JSON.stringify(known) !== JSON.stringify(schema)) {
    throw new Error(`the schema ${name} is sent and received in different forms; give them two names`);
  }
  schemas[name] = schema;
}

function rewritten(schema: unknown): Json {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/$defs/', '"#/components/schemas/')) as Json;
}
