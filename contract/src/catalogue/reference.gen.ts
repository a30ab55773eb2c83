/** Writes docs/reference/events.md and event.schema.json from the catalogue, so that neither can say anything else. */
import { z } from 'zod';
import { erasableEnvelope, eventSchema, restrictedEnvelope } from '../event.ts';
import { reasonTexts } from '../reasons.ts';
import { declarationOf, type EventType, eventTypes } from './catalogue.ts';
import {
  type Audience,
  type EventTypeDeclaration,
  fieldMarks,
  type RetentionClass,
  type SwitchName,
} from './kind.ts';

type GeneratedFile = { path: string; content: string };
type JsonSchema = z.core.JSONSchema.BaseSchema;

const audienceTexts: Record<Audience, string> = {
  account: 'the user, or the owners of the organisation, in whose namespace it is',
  namespace: 'the same, and members of the organisation without restricted fields',
  project: 'owners of the project; its maintainers without restricted fields',
  project_security: 'owners of the project',
  system: 'administrators and auditors only',
};
const retentionTexts: Record<RetentionClass, string> = {
  project: 'for ever unless set otherwise',
  account: '400 days unless set otherwise',
  routine: '90 days unless set otherwise',
  evidence: 'for ever',
};
const switchTexts: Record<SwitchName, string> = {
  failed_logins: 'failed sign-ins',
  failed_pulls: 'failed pulls',
  failed_pushes: 'failed pushes',
  failed_deletions: 'failed deletions',
};

export async function generate(): Promise<GeneratedFile[]> {
  return [
    { path: 'docs/reference/events.md', content: referencePage() },
    { path: 'docs/reference/event.schema.json', content: `${JSON.stringify(eventJsonSchema(), null, 2)}\n` },
  ];
}

function referencePage(): string {
  const areas = Map.groupBy(eventTypes, (type) => type.slice(0, type.indexOf('.')));
  const lines = [
    '# Events',
    '',
    'Generated from the catalogue (`contract/src/catalogue/`) by `npm run gen`; not to be edited.',
    '[How to add one](../development/events.md) · [JSON Schema](event.schema.json)',
    '',
    'Every event has the fields of the envelope; `details` are those of its type. A field marked **erasable** stands in',
    'the log only as a commitment, so it can be erased for good; one marked **restricted** is shown only to the person it',
    'concerns, to owners, administrators and auditors. Administrators and auditors read every event, everybody reads what',
    'they did themselves or what was done on their behalf.',
    '',
    `Erasable in every event: ${codes(erasableEnvelope)}. Restricted in every event: ${codes(restrictedEnvelope)}.`,
    '',
    '| type | what happened | severity |',
    '| --- | --- | --- |',
    ...eventTypes.map((type) => {
      const { title, severity } = declarationOf(type);
      return `| [\`${type}\`](#${anchorOf(type)}) | ${title} | ${severity} |`;
    }),
    '',
  ];
  for (const [area, types] of areas) lines.push(`## ${area}`, '', ...types.flatMap(typeSection));
  lines.push('## Reasons', '', '| reason | meaning |', '| --- | --- |');
  for (const [reason, text] of Object.entries(reasonTexts)) lines.push(`| \`${reason}\` | ${text} |`);
  return `${lines.join('\n')}\n`;
}

function typeSection(type: EventType): string[] {
  const declaration = declarationOf(type);
  const {
    title,
    sentence,
    description,
    severity,
    audience,
    retention,
    mode,
    group,
    reasons,
    elsewhere,
    version,
  } = declaration;
  const facts = [
    `Severity ${severity}`,
    `kept ${retentionTexts[retention]}`,
    `mode ${mode}`,
    `version ${version}`,
    ...(group ? [`switch: ${switchTexts[group]}`] : []),
    ...(elsewhere.quay ? [`in Quay: ${codes(elsewhere.quay)}`] : []),
  ];
  return [
    `### \`${type}\``,
    '',
    `**${title}.** ${description}`,
    '',
    `> ${sentence}`,
    '',
    `Read by ${audienceTexts[audience]}. ${facts.join(' · ')}.`,
    '',
    ...(reasons.length > 0 ? [`Reasons: ${codes(reasons)}.`, ''] : []),
    ...detailsTable(declaration),
  ];
}

function detailsTable(declaration: EventTypeDeclaration): string[] {
  const marks = fieldMarks(declaration);
  const rows = fieldsOf(z.toJSONSchema(declaration.details) as JsonSchema, '/details', true);
  if (rows.length === 0) return ['No details.', ''];
  const mark = (pointer: string): string => {
    const covered = (pointers: readonly string[]): boolean =>
      pointers.some((one) => pointer === one || pointer.startsWith(`${one}/`));
    return covered(marks.restricted) ? 'restricted' : covered(marks.erasable) ? 'erasable' : '';
  };
  return [
    '| detail | type | mark |',
    '| --- | --- | --- |',
    ...rows.map(({ pointer, type, optional }) => {
      const name = pointer.slice('/details/'.length).replaceAll('/', '.');
      return `| \`${name}\`${optional ? '?' : ''} | ${type} | ${mark(pointer)} |`;
    }),
    '',
  ];
}

type Field = { pointer: string; type: string; optional: boolean };

function fieldsOf(schema: JsonSchema, pointer: string, required: boolean): Field[] {
  if (schema.type !== 'object' || !schema.properties) {
    return [{ pointer, type: typeText(schema), optional: !required }];
  }
  return Object.entries(schema.properties).flatMap(([key, inner]) =>
    fieldsOf(inner as JsonSchema, `${pointer}/${key}`, required && (schema.required ?? []).includes(key)),
  );
}

function typeText(schema: JsonSchema): string {
  if (schema.enum) return schema.enum.map((value) => `\`${String(value)}\``).join(', ');
  if (schema.type === 'array') return `list of ${typeText(schema.items as JsonSchema)}`;
  return String(schema.type ?? 'any');
}

/** The envelope; and for each type, what its details are. */
function eventJsonSchema(): object {
  const envelope = z.toJSONSchema(eventSchema);
  return {
    ...envelope,
    title: 'Tallyman audit event',
    allOf: eventTypes.map((type) => ({
      if: { properties: { type: { const: type } }, required: ['type'] },
      // biome-ignore lint/suspicious/noThenProperty: the word is JSON Schema's
      then: { properties: { details: { $ref: `#/$defs/${type}` } } },
    })),
    $defs: Object.fromEntries(eventTypes.map((type) => [type, detailsSchema(type)])),
  };
}

function detailsSchema(type: EventType): object {
  const declaration = declarationOf(type);
  const { $schema: _schema, ...details } = z.toJSONSchema(declaration.details);
  const inDetails = (pointers: readonly string[]): string[] =>
    pointers.filter((pointer) => pointer.startsWith('/details/'));
  const { erasable, restricted } = fieldMarks(declaration);
  return {
    title: declaration.title,
    description: declaration.description,
    ...details,
    'x-version': declaration.version,
    'x-erasable': inDetails(erasable),
    'x-restricted': inDetails(restricted),
    'x-reasons': declaration.reasons,
  };
}

function codes(words: readonly string[]): string {
  return words.map((word) => `\`${word}\``).join(' ');
}

/** As GitHub and its like make anchors of headings. */
function anchorOf(type: string): string {
  return type.replaceAll('.', '');
}
