/** The trails that are not part of another page: one's own, and everything. */
import { Page } from '../../parts/page.tsx';
import { Trail } from './trail.tsx';

export function MyTrailPage() {
  return (
    <Page
      title="My trail"
      lead="What was done in your name, by you, your tokens and your robots, and who tried to pass for you."
    >
      <Trail view={{ kind: 'me' }} empty="What you do, and what is done in your name, will stand here." />
    </Page>
  );
}

export function AdministrationTrailPage() {
  return (
    <Page
      title="Everything"
      place="Administration"
      lead="Every act and every refused attempt on this server. Reading what concerns others is itself recorded."
    >
      <Trail view={{ kind: 'administration' }} empty="The first act on this server will stand here." />
    </Page>
  );
}
