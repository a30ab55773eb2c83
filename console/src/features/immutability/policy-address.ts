/** Where the policies of a place have their pages, and who may see them. */
import type { Me } from '@tallyman/contract';
import { address } from '../../parts/link-tabs.tsx';
import { isAdministrator, readsEverything } from '../session/use-me.ts';
import type { PolicyPlace } from './use-policies.ts';

export function policiesAddress(me: Me, place: PolicyPlace): string {
  if ('path' in place) return address('projects', place.format, place.path, 'immutability');
  const { namespace } = place;
  const isOrganisation = me.organisations.some(({ name }) => name === namespace);
  return address(isOrganisation ? 'organisations' : 'namespaces', namespace, 'immutability');
}

export function policyAddress(me: Me, place: PolicyPlace, policy: string): string {
  return `${policiesAddress(me, place)}/${encodeURIComponent(policy)}`;
}

/** Members read a namespace's policies; asking as anybody else would be one more refusal on its trail. */
export function readsPolicies(me: Me, namespace: string): boolean {
  return (
    isAdministrator(me) || me.name === namespace || me.organisations.some(({ name }) => name === namespace)
  );
}

/** Auditors read every event and no content: a link into a project would lead them to a refusal. */
export function readsContent(me: Me, namespace: string | undefined): boolean {
  if (!readsEverything(me) || isAdministrator(me)) return true;
  return namespace !== undefined && readsPolicies(me, namespace);
}

export const namespaceOf = (path: string): string => path.slice(0, Math.max(0, path.indexOf('/')));
