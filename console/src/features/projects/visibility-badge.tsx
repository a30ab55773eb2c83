/** Whether anyone may pull from a project. */
import type { Project } from '@tallyman/contract';
import { StateBadge } from '../../parts/outcome-badge.tsx';

export function VisibilityBadge({ visibility }: Pick<Project, 'visibility'>) {
  return <StateBadge text={visibility} tone={visibility === 'public' ? 'warn' : 'plain'} />;
}
