/** Tags of a container project. */
import type { Tag } from '@tallyman/contract';
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { apiList } from '../../api/queries.ts';
import { Copy } from '../../parts/copy.tsx';
import { TextLink } from '../../parts/links.tsx';
import { Nothing } from '../../parts/page.tsx';
import { PagedTable } from '../../parts/paged-table.tsx';
import classes from '../../parts/parts.module.css';
import { SearchField } from '../../parts/search-field.tsx';
import { actionsColumn, type Column } from '../../parts/table.tsx';
import { Time } from '../../parts/time.tsx';
import { useAsked } from '../../parts/use-asked.ts';
import { LockBadge } from '../immutability/lock-badge.tsx';
import { TagChange, type TagWhat } from './tag-changes.tsx';
import { TagMenu } from './tag-menu.tsx';

export function TagList({ path, writes }: { path: string; writes: boolean }) {
  const [text, setText] = useState('');
  const asked = useAsked<{ tag: Tag; what: TagWhat }>();
  const params = { format: 'container', path } as const;
  const tags = useInfiniteQuery({
    ...apiList('tags.list', { params, query: text === '' ? {} : { text } }),
    placeholderData: keepPreviousData,
  });
  const actions = actionsColumn<Tag>((tag) => (
    <TagMenu path={path} tag={tag} onAsk={(what) => asked.ask({ tag, what })} />
  ));
  return (
    <>
      <SearchField label="Part of the tag’s name" text={text} maxLength={128} onSearch={setText} />
      <PagedTable
        label="Tags"
        query={tags}
        columns={writes ? [...columnsFor(path), actions] : columnsFor(path)}
        rowId={({ name }) => name}
        empty={
          text === '' ? (
            <Nothing title="No tags">Push an image, and its tag stands here.</Nothing>
          ) : (
            <Nothing title="No tag of that name" />
          )
        }
      />
      {asked.item && (
        <TagChange key={asked.turn} path={path} {...asked.item} opened={asked.opened} onClose={asked.close} />
      )}
    </>
  );
}

function columnsFor(path: string): Column<Tag>[] {
  return [
    {
      id: 'name',
      header: 'Tag',
      cell: ({ name, expiresAt, immutable }) => (
        <>
          <TextLink
            to="/projects/$format/$path/tags/$tag"
            params={{ format: 'container', path, tag: name }}
            className={classes.strong}
          >
            {name}
          </TextLink>{' '}
          <LockBadge immutable={immutable} />
          {expiresAt !== null && (
            <div className={classes.under}>
              expires <Time at={expiresAt} />
            </div>
          )}
        </>
      ),
    },
    {
      id: 'digest',
      header: 'Manifest',
      hideBelow: 'narrow',
      cell: ({ digest }) => <Digest digest={digest} />,
    },
    {
      id: 'moved',
      header: 'Last moved',
      cell: ({ movedAt, eventId }) => (
        <>
          <Time at={movedAt} />
          <div className={classes.under}>
            <TextLink to="/events/$event" params={{ event: eventId }} size="xs">
              the event
            </TextLink>
          </div>
        </>
      ),
    },
    {
      id: 'created',
      header: 'Created',
      hideBelow: 'medium',
      cell: ({ createdAt }) => <Time at={createdAt} />,
    },
  ];
}

export function Digest({ digest }: { digest: string }) {
  return (
    <span className={classes.mono} title={digest}>
      {digest.slice(0, digest.indexOf(':') + 13)}… <Copy text={digest} label="Copy digest" />
    </span>
  );
}
