/** A list of the API as a table: waiting, refused, empty, and "Show more" while there are more. */
import { Button, Loader } from '@mantine/core';
import type { InfiniteData, UseInfiniteQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import classes from './parts.module.css';
import { ProblemAlert } from './problem-alert.tsx';
import { type Column, Table } from './table.tsx';

type Page<Item> = { items: Item[]; next: string | null };

type Props<Item> = {
  label: string;
  /** `useInfiniteQuery(apiList(…))`. */
  query: UseInfiniteQueryResult<InfiniteData<Page<Item>>>;
  columns: readonly Column<Item>[];
  rowId: (item: Item) => string;
  /** What to say when there is nothing. */
  empty: ReactNode;
};

export function PagedTable<Item extends object>({ label, query, columns, rowId, empty }: Props<Item>) {
  if (query.isPending) return <Waiting />;
  if (query.isError && query.data === undefined)
    return <ProblemAlert error={query.error} retry={query.refetch} />;
  const items = query.data.pages.flatMap((page) => page.items);
  if (items.length === 0) return empty;
  return (
    <>
      <Table label={label} items={items} columns={columns} rowId={rowId} />
      {query.isError && <ProblemAlert error={query.error} retry={query.refetch} />}
      {query.hasNextPage && (
        <div className={classes.more}>
          <Button
            variant="default"
            loading={query.isFetchingNextPage}
            onClick={() => void query.fetchNextPage()}
          >
            Show more
          </Button>
        </div>
      )}
    </>
  );
}

export function Waiting() {
  return (
    <div className={classes.waiting} role="status">
      <Loader size="sm" />
      <span>Loading…</span>
    </div>
  );
}
