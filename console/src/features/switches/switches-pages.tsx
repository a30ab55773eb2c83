/** Failure auditing for the server, for one's own namespace, and as a part of an organisation's page. */
import { useQuery } from '@tanstack/react-query';
import { apiQuery, useApiMutation } from '../../api/queries.ts';
import { Page } from '../../parts/page.tsx';
import { Waiting } from '../../parts/paged-table.tsx';
import { ProblemAlert } from '../../parts/problem-alert.tsx';
import { useMe } from '../session/use-me.ts';
import { SwitchSettings } from './switch-list.tsx';

const lead = 'Which refused attempts become events. What succeeds is always recorded.';

export function ServerSwitchesPage() {
  const query = useQuery(apiQuery('switches.list', {}));
  const change = useApiMutation('switches.put', ['switches.list', 'namespaces.switches.list']);
  return (
    <Page title="Failure auditing" place="Administration" lead={lead}>
      <ProblemAlert error={query.error} retry={query.refetch} />
      {query.isPending && <Waiting />}
      {query.data && (
        <SwitchSettings
          list={query.data}
          modes={['on', 'off', 'namespace']}
          place="on the whole server"
          change={change}
          onChange={(name, mode, onSuccess) =>
            change.mutate({ params: { switch: name }, body: { mode } }, { onSuccess })
          }
        />
      )}
    </Page>
  );
}

export function MySwitchesPage() {
  const me = useMe();
  return (
    <Page title="Failure auditing" place={me.name} lead={lead}>
      <NamespaceSwitches namespace={me.name} />
    </Page>
  );
}

export function NamespaceSwitches({ namespace }: { namespace: string }) {
  const query = useQuery(apiQuery('namespaces.switches.list', { params: { namespace } }));
  const change = useApiMutation('namespaces.switches.put', ['namespaces.switches.list']);
  return (
    <>
      <ProblemAlert error={query.error} retry={query.refetch} />
      {query.isPending && <Waiting />}
      {query.data && (
        <SwitchSettings
          list={query.data}
          modes={['on', 'off']}
          place={`in ${namespace}`}
          change={change}
          onChange={(name, mode, onSuccess) => {
            if (mode !== 'namespace')
              change.mutate({ params: { namespace, switch: name }, body: { mode } }, { onSuccess });
          }}
        />
      )}
    </>
  );
}
