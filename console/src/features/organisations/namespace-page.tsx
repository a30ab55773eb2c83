/** A user's own namespace: what happened there, by anyone, and which tags cannot change. */
import { Outlet, useParams } from '@tanstack/react-router';
import { address, LinkTabs } from '../../parts/link-tabs.tsx';
import { Page } from '../../parts/page.tsx';
import classes from '../../parts/parts.module.css';
import { Trail } from '../events/trail.tsx';
import { NamespaceRetention } from '../forget/namespace-retention.tsx';
import { readsPolicies } from '../immutability/policy-address.ts';
import { useMe } from '../session/use-me.ts';

export function NamespacePage() {
  const { namespace } = useParams({ from: '/signed-in/namespaces/$namespace' });
  const tabs = [
    { tab: 'trail', label: 'Trail' },
    ...(readsPolicies(useMe(), namespace)
      ? [
          { tab: 'immutability', label: 'Immutability' },
          { tab: 'retention', label: 'Retention' },
        ]
      : []),
  ];
  return (
    <Page title={namespace} place="Namespace">
      <LinkTabs
        label={namespace}
        tabs={tabs.map(({ tab, label }) => ({ to: address('namespaces', namespace, tab), label }))}
      />
      <Outlet />
    </Page>
  );
}

export function NamespaceRetentionTab() {
  const { namespace } = useParams({ from: '/signed-in/namespaces/$namespace' });
  return <NamespaceRetention namespace={namespace} />;
}

export function NamespaceTrailTab() {
  const { namespace } = useParams({ from: '/signed-in/namespaces/$namespace' });
  return (
    <>
      <p className={classes.lead}>What anyone did, or was refused, on this namespace and its projects.</p>
      <Trail
        view={{ kind: 'namespace', namespace }}
        empty="What happens to this namespace’s projects will stand here."
      />
    </>
  );
}
