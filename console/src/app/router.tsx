/** Every page with its address. What is behind "signed-in" is shown to nobody else. */
import type { QueryClient } from '@tanstack/react-query';
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  Outlet,
  redirect,
} from '@tanstack/react-router';
import { apiQuery, sessionQuery } from '../api/queries.ts';
import { ReservedNamesPage } from '../features/administration/reserved-names-page.tsx';
import { SettingsPage } from '../features/administration/settings-page.tsx';
import { EventPage } from '../features/events/event-page.tsx';
import { AdministrationTrailPage, MyTrailPage } from '../features/events/trail-pages.tsx';
import { parseTrailSearch } from '../features/events/trail-search.ts';
import { ErasurePage } from '../features/forget/erasure-page.tsx';
import { ErasuresPage } from '../features/forget/erasures-page.tsx';
import { RetentionPage } from '../features/forget/retention-page.tsx';
import {
  NamespacePoliciesTab,
  NamespacePolicyTab,
  OrganisationPoliciesTab,
  OrganisationPolicyTab,
  ProjectPoliciesTab,
  ProjectPolicyTab,
} from '../features/immutability/immutability-pages.tsx';
import { ApplicationPage } from '../features/organisations/application-page.tsx';
import {
  NamespacePage,
  NamespaceRetentionTab,
  NamespaceTrailTab,
} from '../features/organisations/namespace-page.tsx';
import {
  OrganisationApplicationsTab,
  OrganisationMembersTab,
  OrganisationPage,
  OrganisationProjectsTab,
  OrganisationRobotsTab,
  OrganisationSettingsTab,
  OrganisationSwitchesTab,
  OrganisationTrailTab,
} from '../features/organisations/organisation-page.tsx';
import { OrganisationsPage } from '../features/organisations/organisations-page.tsx';
import {
  ProjectPage,
  ProjectRolesTab,
  ProjectSettingsTab,
  ProjectTagsTab,
  ProjectTrailTab,
} from '../features/projects/project-page.tsx';
import { ProjectsPage } from '../features/projects/projects-page.tsx';
import { TagPage } from '../features/projects/tag-page.tsx';
import { MyRobotsPage } from '../features/robots/my-robots-page.tsx';
import { SessionsPage } from '../features/session/sessions-page.tsx';
import { SignInPage } from '../features/session/sign-in-page.tsx';
import { meQuery } from '../features/session/use-me.ts';
import { SetupPage } from '../features/setup/setup-page.tsx';
import { MySwitchesPage, ServerSwitchesPage } from '../features/switches/switches-pages.tsx';
import { TokensPage } from '../features/tokens/tokens-page.tsx';
import { UsersPage } from '../features/users/users-page.tsx';
import { Waiting } from '../parts/paged-table.tsx';
import { FailedPage, UnknownPage } from './failed-page.tsx';
import { formatSearch, parseSearch } from './search-params.ts';
import { Shell } from './shell.tsx';

const root = createRootRouteWithContext<{ client: QueryClient }>()({
  component: Outlet,
  errorComponent: FailedPage,
  notFoundComponent: UnknownPage,
});

const setup = createRoute({ getParentRoute: () => root, path: '/setup', component: SetupPage });
const signIn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  validateSearch: (raw: Record<string, unknown>): { next?: string } =>
    typeof raw.next === 'string' && /^\/(?![/\\])/.test(raw.next) ? { next: raw.next } : {},
  component: SignInPage,
  beforeLoad: async ({ context: { client } }) => {
    if ((await client.fetchQuery(apiQuery('setup.get', {}))).needed) throw redirect({ to: '/setup' });
  },
});

const signedIn = createRoute({
  getParentRoute: () => root,
  id: 'signed-in',
  component: Shell,
  beforeLoad: async ({ context: { client }, location }) => {
    const session = await client.ensureQueryData(sessionQuery);
    if (!session.signedIn) {
      const next = location.href === '/' ? {} : { next: location.href };
      throw redirect({ to: '/sign-in', search: next });
    }
    await client.ensureQueryData(meQuery);
  },
});
const parent = { getParentRoute: () => signedIn } as const;
const withFilters = { validateSearch: parseTrailSearch } as const;

const home = createRoute({
  ...parent,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/trail' });
  },
});

const organisation = createRoute({
  ...parent,
  path: '/organisations/$organisation',
  component: OrganisationPage,
});
const inOrganisation = { getParentRoute: () => organisation } as const;
const namespace = createRoute({ ...parent, path: '/namespaces/$namespace', component: NamespacePage });
const inNamespace = { getParentRoute: () => namespace } as const;
const project = createRoute({ ...parent, path: '/projects/$format/$path', component: ProjectPage });
const inProject = { getParentRoute: () => project } as const;

const routes = root.addChildren([
  setup,
  signIn,
  signedIn.addChildren([
    home,
    createRoute({ ...parent, ...withFilters, path: '/trail', component: MyTrailPage }),
    createRoute({
      ...parent,
      ...withFilters,
      path: '/administration/trail',
      component: AdministrationTrailPage,
    }),
    namespace.addChildren([
      createRoute({
        ...inNamespace,
        path: '/',
        beforeLoad: ({ params }) => {
          throw redirect({ to: '/namespaces/$namespace/trail', params });
        },
      }),
      createRoute({ ...inNamespace, ...withFilters, path: '/trail', component: NamespaceTrailTab }),
      createRoute({ ...inNamespace, path: '/retention', component: NamespaceRetentionTab }),
      createRoute({ ...inNamespace, path: '/immutability', component: NamespacePoliciesTab }),
      createRoute({ ...inNamespace, path: '/immutability/$policy', component: NamespacePolicyTab }),
    ]),
    createRoute({ ...parent, path: '/events/$event', component: EventPage }),
    createRoute({ ...parent, path: '/administration/switches', component: ServerSwitchesPage }),
    createRoute({ ...parent, path: '/administration/users', component: UsersPage }),
    createRoute({ ...parent, path: '/administration/names', component: ReservedNamesPage }),
    createRoute({ ...parent, path: '/administration/settings', component: SettingsPage }),
    createRoute({ ...parent, path: '/administration/retention', component: RetentionPage }),
    createRoute({ ...parent, path: '/administration/erasure', component: ErasuresPage }),
    createRoute({ ...parent, path: '/administration/erasure/$erasure', component: ErasurePage }),
    createRoute({ ...parent, path: '/account/tokens', component: TokensPage }),
    createRoute({ ...parent, path: '/account/robots', component: MyRobotsPage }),
    createRoute({ ...parent, path: '/account/sessions', component: SessionsPage }),
    createRoute({ ...parent, path: '/account/switches', component: MySwitchesPage }),
    createRoute({ ...parent, path: '/organisations', component: OrganisationsPage }),
    organisation.addChildren([
      createRoute({
        ...inOrganisation,
        path: '/',
        beforeLoad: ({ params }) => {
          throw redirect({ to: '/organisations/$organisation/trail', params });
        },
      }),
      createRoute({ ...inOrganisation, ...withFilters, path: '/trail', component: OrganisationTrailTab }),
      createRoute({ ...inOrganisation, path: '/projects', component: OrganisationProjectsTab }),
      createRoute({ ...inOrganisation, path: '/members', component: OrganisationMembersTab }),
      createRoute({ ...inOrganisation, path: '/robots', component: OrganisationRobotsTab }),
      createRoute({ ...inOrganisation, path: '/applications', component: OrganisationApplicationsTab }),
      createRoute({ ...inOrganisation, path: '/applications/$application', component: ApplicationPage }),
      createRoute({ ...inOrganisation, path: '/immutability', component: OrganisationPoliciesTab }),
      createRoute({ ...inOrganisation, path: '/immutability/$policy', component: OrganisationPolicyTab }),
      createRoute({ ...inOrganisation, path: '/switches', component: OrganisationSwitchesTab }),
      createRoute({ ...inOrganisation, path: '/settings', component: OrganisationSettingsTab }),
    ]),
    createRoute({ ...parent, path: '/projects', component: ProjectsPage }),
    project.addChildren([
      createRoute({
        ...inProject,
        path: '/',
        beforeLoad: ({ params }) => {
          throw redirect({ to: '/projects/$format/$path/tags', params });
        },
      }),
      createRoute({ ...inProject, path: '/tags', component: ProjectTagsTab }),
      createRoute({ ...inProject, path: '/tags/$tag', component: TagPage }),
      createRoute({ ...inProject, ...withFilters, path: '/trail', component: ProjectTrailTab }),
      createRoute({ ...inProject, path: '/immutability', component: ProjectPoliciesTab }),
      createRoute({ ...inProject, path: '/immutability/$policy', component: ProjectPolicyTab }),
      createRoute({ ...inProject, path: '/roles', component: ProjectRolesTab }),
      createRoute({ ...inProject, path: '/settings', component: ProjectSettingsTab }),
    ]),
  ]),
]);

export function createConsoleRouter(client: QueryClient) {
  return createRouter({
    routeTree: routes,
    context: { client },
    parseSearch,
    stringifySearch: formatSearch,
    defaultPendingComponent: Waiting,
    defaultErrorComponent: FailedPage,
    scrollRestoration: true,
  });
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createConsoleRouter>;
  }
}
