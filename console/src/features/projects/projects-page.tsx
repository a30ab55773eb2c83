/** Every project one may read. */
import { Page } from '../../parts/page.tsx';
import { ProjectList } from './project-list.tsx';

export function ProjectsPage() {
  return (
    <Page title="Projects" lead="Container images and other content, each with its own trail.">
      <ProjectList />
    </Page>
  );
}
