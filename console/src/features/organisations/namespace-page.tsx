/** What happened in a user's own namespace: to its projects, by anyone. */
import { useParams } from '@tanstack/react-router';
import { Page } from '../../parts/page.tsx';
import { Trail } from '../events/trail.tsx';

export function NamespacePage() {
  const { namespace } = useParams({ from: '/signed-in/namespaces/$namespace/trail' });
  return (
    <Page
      title={namespace}
      place="Namespace"
      lead="What anyone did, or was refused, on this namespace and its projects."
    >
      <Trail
        view={{ kind: 'namespace', namespace }}
        empty="What happens to this namespace’s projects will stand here."
      />
    </Page>
  );
}
