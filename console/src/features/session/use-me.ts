/** The account that is signed in. Loaded before any page that needs it is shown. */
import type { Me } from '@tallyman/contract';
import { useSuspenseQuery } from '@tanstack/react-query';
import { apiQuery } from '../../api/queries.ts';

export const meQuery = { ...apiQuery('me.get', {}), staleTime: 30_000 };

export function useMe(): Me {
  return useSuspenseQuery(meQuery).data;
}

export const isAdministrator = (me: Me): boolean => me.roles.includes('admin');
export const readsEverything = (me: Me): boolean => me.roles.length > 0;
/** Of an organisation, or of one's own namespace; an administrator may do what owners may. */
export const ownsNamespace = (me: Me, name: string): boolean =>
  isAdministrator(me) ||
  me.name === name ||
  me.organisations.some((organisation) => organisation.name === name && organisation.role === 'owner');
