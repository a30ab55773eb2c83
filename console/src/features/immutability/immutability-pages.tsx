/** Policies as a part of an organisation's, a user's and a project's page. */
import { useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { apiQuery } from '../../api/queries.ts';
import { Waiting } from '../../parts/paged-table.tsx';
import { ownsNamespace, useMe } from '../session/use-me.ts';
import { PolicyList } from './policy-list.tsx';
import { PolicyView } from './policy-page.tsx';

export function OrganisationPoliciesTab() {
  const { organisation } = useParams({ from: '/signed-in/organisations/$organisation' });
  return <PolicyList place={{ namespace: organisation }} owner={ownsNamespace(useMe(), organisation)} />;
}

export function OrganisationPolicyTab() {
  const { organisation, policy } = useParams({
    from: '/signed-in/organisations/$organisation/immutability/$policy',
  });
  const owner = ownsNamespace(useMe(), organisation);
  return <PolicyView place={{ namespace: organisation }} policy={policy} owner={owner} />;
}

export function NamespacePoliciesTab() {
  const { namespace } = useParams({ from: '/signed-in/namespaces/$namespace' });
  return <PolicyList place={{ namespace }} owner={ownsNamespace(useMe(), namespace)} />;
}

export function NamespacePolicyTab() {
  const { namespace, policy } = useParams({ from: '/signed-in/namespaces/$namespace/immutability/$policy' });
  const owner = ownsNamespace(useMe(), namespace);
  return <PolicyView place={{ namespace }} policy={policy} owner={owner} />;
}

/** The page above says what is wrong with the project itself. */
function useProject(path: string) {
  return useQuery(apiQuery('projects.get', { params: { format: 'container', path } }));
}

export function ProjectPoliciesTab() {
  const { path } = useParams({ from: '/signed-in/projects/$format/$path' });
  const { isPending, data } = useProject(path);
  if (isPending) return <Waiting />;
  return data && <PolicyList place={{ format: 'container', path }} owner={data.role === 'owner'} />;
}

export function ProjectPolicyTab() {
  const { path, policy } = useParams({ from: '/signed-in/projects/$format/$path/immutability/$policy' });
  const { isPending, data } = useProject(path);
  if (isPending) return <Waiting />;
  return (
    data && <PolicyView place={{ format: 'container', path }} policy={policy} owner={data.role === 'owner'} />
  );
}
