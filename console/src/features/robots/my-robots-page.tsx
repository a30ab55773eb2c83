/** Robots of oneself and of the organisations one owns. */
import { Page } from '../../parts/page.tsx';
import { useMe } from '../session/use-me.ts';
import { RobotList } from './robot-list.tsx';

export function MyRobotsPage() {
  const me = useMe();
  const owned = me.organisations.filter(({ role }) => role === 'owner');
  return (
    <Page title="Robots" lead="Accounts for machines. Each signs in as owner+name with a token of its own.">
      <RobotList owner={me.name} title={`Yours (${me.name}+…)`} />
      {owned.map(({ id, name }) => (
        <RobotList key={id} owner={name} title={`Of ${name} (${name}+…)`} />
      ))}
    </Page>
  );
}
