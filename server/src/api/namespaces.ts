/** Namespaces as such, and the names that renames and deletions left reserved. */
import { projectFormats } from '@tallyman/contract';
import type { Access } from '../access/access.ts';
import {
  freeName,
  listReservedNames,
  type ReservedName as ReservedNameState,
} from '../access/organisations.ts';
import type { AccessParts } from '../access/parts.ts';
import { formatUs } from '../stdx/clock.ts';
import type { ApiHandlers } from './call.ts';
import { nextOf, pageOf } from './pages.ts';

export type NamespaceParts = AccessParts & { access: Pick<Access, 'roleOf'> };

type Kind = 'namespace' | (typeof projectFormats)[number];

export function namespaceHandlers(
  parts: NamespaceParts,
): ApiHandlers<'namespaces.get' | 'reserved_names.list' | 'reserved_names.free'> {
  return {
    'namespaces.get': async ({ caller, namespace }) => {
      const { id, kind, name } = namespace;
      return { id, kind, name, role: await parts.access.roleOf(caller, { namespace }) };
    },
    'reserved_names.list': async ({ query }) => {
      const { names, next } = await listReservedNames(parts, {
        format: formatOf(query.kind),
        ...pageOf(query),
      });
      return { items: names.map(viewReserved), next: nextOf(next) };
    },
    'reserved_names.free': async ({ caller, params }) =>
      freeName(parts, { by: caller, format: formatOf(params.kind), name: params.name }),
  };
}

/** In the table, names of users and organisations have no format. */
function formatOf(kind: Kind): string {
  return kind === 'namespace' ? '' : kind;
}

function viewReserved({ format, name, formerId, reservedAtUs }: ReservedNameState) {
  const kind: Kind = projectFormats.find((known) => known === format) ?? 'namespace';
  return { kind, name, formerId, reservedAt: formatUs(reservedAtUs) };
}
