/** One project: its tags, its trail, the roles on it, its settings. */
import { Button, Code, Textarea } from '@mantine/core';
import { type ProjectFormat, projectFormats } from '@tallyman/contract';
import { useQuery } from '@tanstack/react-query';
import { Outlet, useNavigate, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { apiQuery, useApiMutation } from '../../api/queries.ts';
import { Confirm } from '../../parts/confirm.tsx';
import { DangerSetting, NameSetting } from '../../parts/dangerous.tsx';
import { address, LinkTabs } from '../../parts/link-tabs.tsx';
import { Page, Section } from '../../parts/page.tsx';
import { Waiting } from '../../parts/paged-table.tsx';
import classes from '../../parts/parts.module.css';
import { ProblemAlert } from '../../parts/problem-alert.tsx';
import { Trail } from '../events/trail.tsx';
import { explainImmutable } from '../immutability/refused.tsx';
import { isAdministrator, useMe } from '../session/use-me.ts';
import { Roles } from './roles.tsx';
import { TagList } from './tag-list.tsx';
import { VisibilityBadge } from './visibility-badge.tsx';

type ProjectParams = { format: ProjectFormat; path: string };

function useProjectParams(): ProjectParams {
  const { format, path } = useParams({ from: '/signed-in/projects/$format/$path' });
  return { format: projectFormats.find((known) => known === format) ?? 'container', path };
}

function useProject() {
  return useQuery(apiQuery('projects.get', { params: useProjectParams() }));
}

export function ProjectPage() {
  const { format, path } = useProjectParams();
  const me = useMe();
  const project = useProject();
  const role = project.data?.role;
  const administers = isAdministrator(me) || role === 'owner';
  const writes = administers || role === 'maintainer';
  const tabs = [
    { tab: 'tags', label: 'Tags' },
    { tab: 'trail', label: 'Trail' },
    ...(writes ? [{ tab: 'immutability', label: 'Immutability' }] : []),
    ...(administers
      ? [
          { tab: 'roles', label: 'Roles' },
          { tab: 'settings', label: 'Settings' },
        ]
      : []),
  ];
  return (
    <Page
      title={path}
      place={
        <>
          Project · {format} {project.data && <VisibilityBadge visibility={project.data.visibility} />}
        </>
      }
      lead={project.data?.description}
    >
      <LinkTabs
        label={path}
        tabs={tabs.map(({ tab, label }) => ({ to: address('projects', format, path, tab), label }))}
      />
      <ProblemAlert error={project.error} retry={project.refetch} />
      <Outlet />
    </Page>
  );
}

export function ProjectTagsTab() {
  const params = useProjectParams();
  const project = useProject();
  const server = useQuery({ ...apiQuery('server.get', {}), staleTime: Number.POSITIVE_INFINITY });
  if (project.isPending) return <Waiting />;
  if (!project.data) return null;
  return (
    <>
      {server.data && (
        <p className={classes.lead}>
          Pull with{' '}
          <Code>
            podman pull {server.data.registry}/{params.path}:tag
          </Code>
        </p>
      )}
      <TagList
        path={params.path}
        writes={project.data.role === 'maintainer' || project.data.role === 'owner'}
      />
    </>
  );
}

export function ProjectTrailTab() {
  return (
    <Trail
      view={{ kind: 'project', ...useProjectParams() }}
      empty="Pushes, pulls, deletions and whoever was turned away will stand here."
    />
  );
}

export function ProjectRolesTab() {
  return <Roles place={useProjectParams()} />;
}

export function ProjectSettingsTab() {
  const params = useProjectParams();
  const navigate = useNavigate();
  const project = useProject();
  const describe = useApiMutation('projects.put_description', ['projects.get', 'projects.list']);
  const rename = useApiMutation('projects.rename', ['projects.list']);
  const remove = useApiMutation('projects.delete', ['projects.list']);
  const [description, setDescription] = useState<string | undefined>();
  if (project.isPending) return <Waiting />;
  // The page above says what is wrong.
  if (!project.data) return null;
  const { name, namespace, path } = project.data;
  return (
    <Section title="Settings">
      <ProblemAlert error={describe.error} />
      <div className={classes.settings}>
        <VisibilitySetting {...params} visibility={project.data.visibility} />
        <div className={classes.setting}>
          <Textarea
            className={classes.settingText ?? ''}
            label="Description"
            autosize
            minRows={2}
            maxRows={6}
            maxLength={500}
            value={description ?? project.data.description}
            onChange={(event) => setDescription(event.currentTarget.value)}
          />
          <Button
            variant="default"
            loading={describe.isPending}
            disabled={description === undefined || description === project.data.description}
            onClick={() => describe.mutate({ params, body: { description: description ?? '' } })}
          >
            Save
          </Button>
        </div>
        <NameSetting
          name={name}
          lead="Within its namespace. The present name stays reserved until an administrator frees it."
          change={rename}
          onRename={(to) =>
            rename.mutate(
              { params, body: { name: to } },
              {
                onSuccess: () =>
                  void navigate({
                    to: '/projects/$format/$path/settings',
                    params: { format: params.format, path: `${namespace.name}/${to}` },
                  }),
              },
            )
          }
        />
        <DangerSetting
          what="project"
          name={path}
          lead="All its content goes; its history stays readable to its owners."
          change={remove}
          explain={(close) => explainImmutable(path, close)}
          onDelete={() => remove.mutate({ params }, { onSuccess: () => void navigate({ to: '/projects' }) })}
        />
      </div>
    </Section>
  );
}

function VisibilitySetting({ visibility, ...params }: ProjectParams & { visibility: 'private' | 'public' }) {
  const [asked, setAsked] = useState(false);
  const change = useApiMutation('projects.put_visibility', ['projects.get', 'projects.list']);
  const other = visibility === 'private' ? 'public' : 'private';
  return (
    <div className={classes.setting}>
      <div className={classes.settingText}>
        <div className={classes.strong}>
          Visibility <VisibilityBadge visibility={visibility} />
        </div>
        <div className={classes.under}>
          {visibility === 'private'
            ? 'Only those with a role may pull.'
            : 'Anyone may pull, signed in or not.'}
        </div>
      </div>
      <Button variant="default" onClick={() => setAsked(true)}>
        {other === 'public' ? 'Publish' : 'Hide'}
      </Button>
      <Confirm
        opened={asked}
        title={other === 'public' ? 'Publish this project?' : 'Hide this project?'}
        action={other === 'public' ? 'Publish' : 'Hide'}
        change={change}
        onClose={() => setAsked(false)}
        onConfirm={() =>
          change.mutate({ params, body: { visibility: other } }, { onSuccess: () => setAsked(false) })
        }
      >
        {other === 'public'
          ? 'Anyone will be able to pull from it, without signing in.'
          : 'Only users and robots with a role will be able to pull from it.'}
      </Confirm>
    </div>
  );
}
