/** Events as lines of text that leave the server. The columns are stable: a new one is added at the end. */
import type { ShownEvent } from '@tallyman/contract';

export type ExportFormat = 'ndjson' | 'csv';

export const csvColumns: readonly { name: string; of: (event: ShownEvent) => unknown }[] = [
  { name: 'index', of: (event) => event.index },
  { name: 'id', of: (event) => event.id },
  { name: 'occurred_at', of: (event) => event.occurredAt },
  { name: 'recorded_at', of: (event) => event.recordedAt },
  { name: 'type', of: (event) => event.type },
  { name: 'title', of: (event) => event.title },
  { name: 'sentence', of: (event) => event.sentence },
  { name: 'severity', of: (event) => event.severity },
  { name: 'outcome', of: (event) => event.outcome },
  { name: 'reason', of: (event) => event.reason },
  { name: 'actor_kind', of: (event) => event.actor.kind },
  { name: 'actor_id', of: (event) => event.actor.id },
  { name: 'actor_name', of: (event) => event.actor.name },
  { name: 'actor_proven', of: (event) => event.actor.proven },
  { name: 'on_behalf_of_kind', of: (event) => event.onBehalfOf?.kind },
  { name: 'on_behalf_of_id', of: (event) => event.onBehalfOf?.id },
  { name: 'on_behalf_of_name', of: (event) => event.onBehalfOf?.name },
  { name: 'credential_kind', of: (event) => event.credential.kind },
  { name: 'credential_id', of: (event) => event.credential.id },
  { name: 'credential_name', of: (event) => event.credential.name },
  { name: 'namespace_kind', of: (event) => event.scope.namespace?.kind },
  { name: 'namespace_id', of: (event) => event.scope.namespace?.id },
  { name: 'namespace_name', of: (event) => event.scope.namespace?.name },
  { name: 'project_format', of: (event) => event.scope.project?.format },
  { name: 'project_id', of: (event) => event.scope.project?.id },
  { name: 'project_path', of: (event) => event.scope.project?.path },
  { name: 'target_kind', of: (event) => event.target?.kind },
  { name: 'target_id', of: (event) => event.target?.id },
  { name: 'target_name', of: (event) => event.target?.name },
  { name: 'request_id', of: (event) => event.request.id },
  { name: 'request_protocol', of: (event) => event.request.protocol },
  { name: 'request_method', of: (event) => event.request.method },
  { name: 'request_route', of: (event) => event.request.route },
  { name: 'request_status', of: (event) => event.request.status },
  { name: 'ip', of: (event) => event.request.ip },
  { name: 'user_agent', of: (event) => event.request.userAgent },
  { name: 'cause', of: (event) => event.cause },
  { name: 'repeats', of: (event) => event.repeats?.count },
  { name: 'details', of: (event) => event.details },
  { name: 'withheld', of: (event) => event.withheld.join(' ') },
];

/** What stands before the first event. */
export function formatHead(format: ExportFormat): string {
  return format === 'csv' ? `${csvColumns.map(({ name }) => name).join(',')}\r\n` : '';
}

export function formatChunk(events: readonly ShownEvent[], format: ExportFormat): string {
  if (format === 'ndjson') return events.map((event) => `${JSON.stringify(event)}\n`).join('');
  return events.map((event) => `${csvColumns.map(({ of }) => csvCell(of(event))).join(',')}\r\n`).join('');
}

/**
 * RFC 4180. A cell that a spreadsheet would read as a formula is led by an apostrophe: names and agents are chosen by
 * strangers. Whoever needs the exact text takes NDJSON.
 */
export function csvCell(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const safe = /^[\s]*[=+\-@\t\r\n|%]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) || safe !== safe.trim() ? `"${safe.replaceAll('"', '""')}"` : safe;
}
