/** One organisation: its trail, projects, people, machines, switches and settings. */
import { Select } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Outlet, useNavigate, useParams } from '@tanstack/react-router';
import { apiQuery, useApiMutation } from '../../api/queries.ts';
import { DangerSetting, NameSetting } from '../../parts/dangerous.tsx';
import { address, LinkTabs } from '../../parts/link-tabs.tsx';
import { Page, Section } from '../../parts/page.tsx';
import classes from '../../parts/parts.module.css';
import { ProblemAlert } from '../../parts/problem-alert.tsx';
import { Trail } from '../events/trail.tsx';
import { NamespaceRetention } from '../forget/namespace-retention.tsx';
import { ProjectList } from '../projects/project-list.tsx';
import { Roles } from '../projects/roles.tsx';
import { RobotList } from '../robots/robot-list.tsx';
import { ownsNamespace, useMe } from '../session/use-me.ts';
import { NamespaceSwitches } from '../switches/switches-pages.tsx';
import { Applications } from './applications.tsx';
import { Members } from './members.tsx';
import { defaultRoleTexts } from './organisations-page.tsx';

function useOrganisation(): { organisation: string; owner: boolean } {
  const { organisation } = useParams({ from: '/signed-in/organisations/$organisation' });
  return { organisation, owner: ownsNamespace(useMe(), organisation) };
}

export function OrganisationPage() {
  const { organisation, owner } = useOrganisation();
  const to = (tab: string): string => address('organisations', organisation, tab);
  const forAll = ['trail', 'projects', 'immutability', 'members', 'applications'];
  const tabs = owner
    ? ['trail', 'projects', 'immutability', 'members', 'robots', 'applications', 'switches', 'settings']
    : forAll;
  return (
    <Page title={organisation} place="Organisation">
      <LinkTabs
        label={organisation}
        tabs={tabs.map((tab) => ({ to: to(tab), label: tabTexts[tab] ?? tab }))}
      />
      <Outlet />
    </Page>
  );
}

const tabTexts: Record<string, string> = {
  trail: 'Trail',
  projects: 'Projects',
  immutability: 'Immutability',
  members: 'Members',
  robots: 'Robots',
  applications: 'Applications',
  switches: 'Failure auditing',
  settings: 'Settings',
};

export function OrganisationTrailTab() {
  const { organisation } = useOrganisation();
  return (
    <Trail
      view={{ kind: 'namespace', namespace: organisation }}
      empty="What happens to the organisation and its projects will stand here."
    />
  );
}

export function OrganisationProjectsTab() {
  const { organisation } = useOrganisation();
  return <ProjectList namespace={organisation} />;
}

export function OrganisationMembersTab() {
  return <Members {...useOrganisation()} />;
}

export function OrganisationRobotsTab() {
  const { organisation } = useOrganisation();
  return <RobotList owner={organisation} title="Robots" />;
}

export function OrganisationApplicationsTab() {
  return <Applications {...useOrganisation()} />;
}

export function OrganisationSwitchesTab() {
  const { organisation } = useOrganisation();
  return <NamespaceSwitches namespace={organisation} />;
}

export function OrganisationSettingsTab() {
  const { organisation } = useOrganisation();
  const navigate = useNavigate();
  const query = useQuery(apiQuery('organisations.get', { params: { organisation } }));
  const putRole = useApiMutation('organisations.put_default_role', [
    'organisations.get',
    'organisations.list',
  ]);
  const rename = useApiMutation('organisations.rename', ['organisations.list', 'me.get']);
  const remove = useApiMutation('organisations.delete', ['organisations.list', 'me.get']);
  const params = { organisation };
  return (
    <>
      <Section title="Settings">
        <ProblemAlert error={query.error} retry={query.refetch} />
        <ProblemAlert error={putRole.error} />
        <div className={classes.settings}>
          <div className={classes.setting}>
            <div className={classes.settingText}>
              <div className={classes.strong}>What members may</div>
              <div className={classes.under}>On every project of the organisation</div>
            </div>
            <Select
              aria-label="What members may"
              w={290}
              allowDeselect={false}
              disabled={query.data === undefined || putRole.isPending}
              value={query.data?.defaultRole ?? null}
              data={Object.entries(defaultRoleTexts).map(([value, label]) => ({ value, label }))}
              onChange={(role) =>
                role !== null &&
                putRole.mutate({ params, body: { role: role as keyof typeof defaultRoleTexts } })
              }
            />
          </div>
          <NameSetting
            name={organisation}
            lead="Projects move along. The present name stays reserved until an administrator frees it."
            change={rename}
            onRename={(name) =>
              rename.mutate(
                { params, body: { name } },
                {
                  onSuccess: () =>
                    void navigate({
                      to: '/organisations/$organisation/settings',
                      params: { organisation: name },
                    }),
                },
              )
            }
          />
          <DangerSetting
            what="organisation"
            name={organisation}
            lead="Its projects, robots and applications go; its history stays."
            change={remove}
            onDelete={() =>
              remove.mutate({ params }, { onSuccess: () => void navigate({ to: '/organisations' }) })
            }
          />
        </div>
      </Section>
      <NamespaceRetention namespace={organisation} />
      <Roles place={{ namespace: organisation }} />
    </>
  );
}
