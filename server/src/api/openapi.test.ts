/** The OpenAPI document is valid by the specification's own schema and says what the table of endpoints says. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { apiRoute, apiRouteIds } from '@tallyman/contract';
import { openApiDocument } from './openapi.ts';

type Operation = {
  operationId: string;
  parameters?: { name: string; in: string }[];
  responses: Record<string, unknown>;
};
const document = openApiDocument() as { openapi: string; paths: Record<string, Record<string, Operation>> };

describe('the OpenAPI document', () => {
  it('is valid OpenAPI 3.1', async () => {
    const validator = new Validator();
    const { valid, errors } = await validator.validate(structuredClone(document));
    assert.deepEqual([valid, errors], [true, undefined]);
    assert.equal(validator.version, '3.1');
    // The check can fail: the same document without its paths' answers is refused.
    const broken = structuredClone(document) as {
      paths: Record<string, Record<string, { responses?: unknown }>>;
    };
    const [first] = Object.values(broken.paths);
    for (const operation of Object.values(first ?? {})) operation.responses = 'none';
    assert.equal((await new Validator().validate(broken as never)).valid, false);
  });

  it('has every endpoint once, with its parameters and statuses', () => {
    const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({
        path,
        method: method.toUpperCase(),
        operation,
      })),
    );
    assert.deepEqual(
      operations.map(({ operation }) => operation.operationId).sort(),
      [...apiRouteIds].sort(),
    );
    for (const { path, method, operation } of operations) {
      const row = apiRoute(operation.operationId as (typeof apiRouteIds)[number]);
      assert.deepEqual([path, method], [row.path, row.method]);
      assert.ok(String(row.status) in operation.responses, operation.operationId);
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const declared = (operation.parameters ?? [])
        .filter((parameter) => parameter.in === 'path')
        .map(({ name }) => name);
      assert.deepEqual(declared.sort(), inPath.sort(), operation.operationId);
    }
  });

  it('refers to nothing that is not there', () => {
    const text = JSON.stringify(document);
    const { components } = document as unknown as { components: { schemas: object } };
    const references = [...text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(
      ([, name]) => name as string,
    );
    assert.ok(references.length > 50);
    assert.deepEqual(
      [...new Set(references)].filter((name) => !(name in components.schemas)),
      [],
    );
    assert.ok(!text.includes('#/$defs/'));
  });
});
