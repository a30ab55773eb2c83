/** One tag: where it points, whether and why it is immutable, what can be done with it, and where it has pointed. */
import { useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { isApiError } from '../../api/problem.ts';
import { apiQuery } from '../../api/queries.ts';
import { TextLink } from '../../parts/links.tsx';
import { Section } from '../../parts/page.tsx';
import classes from '../../parts/parts.module.css';
import { ProblemAlert } from '../../parts/problem-alert.tsx';
import { Time } from '../../parts/time.tsx';
import { useAsked } from '../../parts/use-asked.ts';
import { LockBadge } from '../immutability/lock-badge.tsx';
import { Why } from '../immutability/why.tsx';
import { TagChange, type TagWhat } from './tag-changes.tsx';
import { TagHistory, useTagHistory } from './tag-history.tsx';
import { Digest } from './tag-list.tsx';
import { TagMenu } from './tag-menu.tsx';

export function TagPage() {
  const { path, tag } = useParams({ from: '/signed-in/projects/$format/$path/tags/$tag' });
  const params = { format: 'container', path, tag } as const;
  const head = useQuery(apiQuery('tags.get', { params }));
  const project = useQuery(apiQuery('projects.get', { params: { format: 'container', path } }));
  const history = useTagHistory({ path, tag });
  const asked = useAsked<TagWhat>();
  const missing = isApiError(head.error, 'not_found');
  const deleted = missing && (history.data?.pages[0]?.items.length ?? 0) > 0;
  const role = project.data?.role;
  const writes = role === 'maintainer' || role === 'owner';
  // What was deleted is in the cache still.
  const present = missing ? undefined : head.data;
  return (
    <>
      <Section
        title={`Tag ${tag}`}
        lead={
          <>
            {deleted && 'Deleted. '}
            <TextLink to="/projects/$format/$path/tags" params={{ format: 'container', path }}>
              All tags
            </TextLink>
          </>
        }
        actions={writes && present && <TagMenu path={path} tag={present} onAsk={asked.ask} />}
      >
        <ProblemAlert error={missing ? undefined : head.error} retry={head.refetch} />
        {present && (
          <p className={classes.tagHead}>
            <LockBadge immutable={present.immutable} /> <Digest digest={present.digest} />{' '}
            <span className={classes.dim}>{present.mediaType}</span>
            {present.expiresAt !== null && (
              <span className={classes.dim}>
                expires <Time at={present.expiresAt} />
              </span>
            )}
          </p>
        )}
      </Section>
      {writes && present && <Why path={path} tag={present} owner={role === 'owner'} />}
      <TagHistory path={path} tag={tag} head={present} writes={writes} />
      {present && asked.item && (
        <TagChange
          key={asked.turn}
          path={path}
          tag={present}
          what={asked.item}
          opened={asked.opened}
          onClose={asked.close}
        />
      )}
    </>
  );
}
