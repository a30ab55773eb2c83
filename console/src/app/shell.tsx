/** The frame around every page of somebody signed in: where one can go, and who one is. */
import { ActionIcon, Menu, useMantineColorScheme } from '@mantine/core';
import type { Me } from '@tallyman/contract';
import { useQueryClient } from '@tanstack/react-query';
import { Link, Outlet, useLocation, useNavigate } from '@tanstack/react-router';
import { type ReactNode, useEffect, useState } from 'react';
import { callApi, setCsrfToken } from '../api/client.ts';
import { sessionQuery } from '../api/queries.ts';
import { isAdministrator, readsEverything, useMe } from '../features/session/use-me.ts';
import {
  ClockIcon,
  DeviceIcon,
  EraserIcon,
  KeyIcon,
  LockIcon,
  Mark,
  MenuIcon,
  NameIcon,
  OrganisationIcon,
  PeopleIcon,
  PersonIcon,
  ProjectIcon,
  RobotIcon,
  SettingsIcon,
  SunIcon,
  SwitchIcon,
  TrailIcon,
} from '../parts/icons.tsx';
import classes from './shell.module.css';

export function Shell() {
  const me = useMe();
  const { pathname } = useLocation();
  const [open, setOpen] = useState(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the menu closes whenever the page changes.
  useEffect(() => setOpen(false), [pathname]);
  return (
    <div className={classes.shell}>
      <a href="#content" className={classes.skip}>
        Skip to content
      </a>
      <header className={classes.top}>
        <ActionIcon
          variant="subtle"
          color="gray"
          size="lg"
          aria-label={open ? 'Close menu' : 'Open menu'}
          aria-expanded={open}
          aria-controls="navigation"
          onClick={() => setOpen(!open)}
        >
          <MenuIcon size={20} />
        </ActionIcon>
        <Brand />
      </header>
      <aside id="navigation" className={classes.side} data-open={open || undefined}>
        <div className={classes.sideTop}>
          <Brand />
        </div>
        <Navigation me={me} />
        <Account me={me} />
      </aside>
      {open && (
        <button
          type="button"
          className={classes.veil}
          aria-label="Close menu"
          onClick={() => setOpen(false)}
        />
      )}
      <main id="content" className={classes.content} tabIndex={-1}>
        <Outlet />
      </main>
    </div>
  );
}

function Brand() {
  return (
    <Link to="/trail" className={classes.brand}>
      <Mark />
      <span>Tallyman</span>
    </Link>
  );
}

function Navigation({ me }: { me: Me }) {
  return (
    <nav className={classes.nav} aria-label="Main">
      <Group title="Trail">
        <Item to="/trail" icon={<TrailIcon />} exact>
          Me
        </Item>
        <Item to={`/namespaces/${me.name}/trail`} icon={<PersonIcon />}>
          {me.name}
        </Item>
        {me.organisations.map(({ id, name }) => (
          <Item key={id} to={`/organisations/${name}/trail`} icon={<OrganisationIcon />}>
            {name}
          </Item>
        ))}
        {readsEverything(me) && (
          <Item to="/administration/trail" icon={<TrailIcon />}>
            Everything
          </Item>
        )}
      </Group>
      <Group title="Content">
        <Item to="/projects" icon={<ProjectIcon />}>
          Projects
        </Item>
        <Item to="/organisations" icon={<OrganisationIcon />} exact>
          Organisations
        </Item>
      </Group>
      <Group title="My account">
        <Item to="/account/tokens" icon={<KeyIcon />}>
          Tokens
        </Item>
        <Item to="/account/robots" icon={<RobotIcon />}>
          Robots
        </Item>
        <Item to={`/namespaces/${me.name}/immutability`} icon={<LockIcon />}>
          Immutable tags
        </Item>
        <Item to="/account/sessions" icon={<DeviceIcon />}>
          Sessions
        </Item>
        <Item to="/account/switches" icon={<SwitchIcon />}>
          Failure auditing
        </Item>
      </Group>
      {isAdministrator(me) && (
        <Group title="Administration">
          <Item to="/administration/users" icon={<PeopleIcon />}>
            Users
          </Item>
          <Item to="/administration/switches" icon={<SwitchIcon />}>
            Failure auditing
          </Item>
          <Item to="/administration/names" icon={<NameIcon />}>
            Reserved names
          </Item>
          <Item to="/administration/retention" icon={<ClockIcon />}>
            Retention
          </Item>
          <Item to="/administration/erasure" icon={<EraserIcon />}>
            Erasure
          </Item>
          <Item to="/administration/settings" icon={<SettingsIcon />}>
            Settings
          </Item>
        </Group>
      )}
    </nav>
  );
}

function Group({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className={classes.group} aria-label={title}>
      <div className={classes.groupTitle}>{title}</div>
      {children}
    </section>
  );
}

function Item({
  to,
  icon,
  exact = false,
  children,
}: {
  to: string;
  icon: ReactNode;
  exact?: boolean;
  children: ReactNode;
}) {
  return (
    <Link to={to as never} className={classes.item} activeOptions={{ exact, includeSearch: false }}>
      {icon}
      <span>{children}</span>
    </Link>
  );
}

function Account({ me }: { me: Me }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const { colorScheme, setColorScheme } = useMantineColorScheme({ keepTransitions: true });
  const signOut = async (): Promise<void> => {
    // Whatever the server answers, this browser forgets; a session that is gone already is no reason to stay.
    await callApi('session.delete', {}).catch(() => undefined);
    setCsrfToken(undefined);
    client.setQueryData(sessionQuery.queryKey, { signedIn: false });
    await navigate({ to: '/sign-in', search: {} });
    // Only now, when no page is left that would ask again for what it shows.
    client.clear();
  };
  return (
    <div className={classes.account}>
      <Menu position="top-start" width={200} shadow="md">
        <Menu.Target>
          <button type="button" className={classes.accountButton}>
            <PersonIcon />
            <span className={classes.accountName}>
              {me.name}
              {me.roles.length > 0 && (
                <small>
                  {me.roles.map((role) => (role === 'admin' ? 'administrator' : role)).join(', ')}
                </small>
              )}
            </span>
          </button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>Appearance</Menu.Label>
          {(['auto', 'light', 'dark'] as const).map((scheme) => (
            <Menu.Item
              key={scheme}
              role="menuitemradio"
              aria-checked={colorScheme === scheme}
              leftSection={<SunIcon />}
              data-chosen={colorScheme === scheme || undefined}
              onClick={() => setColorScheme(scheme)}
            >
              {scheme === 'auto' ? 'As the system' : scheme === 'light' ? 'Light' : 'Dark'}
              {colorScheme === scheme && ' ✓'}
            </Menu.Item>
          ))}
          <Menu.Divider />
          <Menu.Item onClick={() => void signOut()}>Sign out</Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </div>
  );
}
