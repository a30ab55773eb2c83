/**
 * The one table: columns that give way on narrow screens or by choice, rows that are only rendered when near the
 * screen once there are many, and the arrow keys to walk along them.
 */

import { VisuallyHidden } from '@mantine/core';
import {
  type ColumnDef,
  columnVisibilityFeature,
  type Row,
  type RowData,
  tableFeatures,
  useTable,
} from '@tanstack/react-table';
import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, type ReactNode, useMemo, useRef } from 'react';
import classes from './parts.module.css';

export type Column<Item> = {
  id: string;
  header: string;
  /** Only told, not shown: what the column holds speaks for itself. */
  hideHeader?: boolean;
  cell: (item: Item) => ReactNode;
  /** The first narrower container width class at which it goes. */
  hideBelow?: 'wide' | 'medium' | 'narrow';
  className?: string | undefined;
};

/** What can be done with a row. */
export function actionsColumn<Item>(cell: Column<Item>['cell']): Column<Item> {
  return { id: 'actions', header: 'Actions', hideHeader: true, cell };
}

const features = tableFeatures({ columnVisibilityFeature });
type Features = typeof features;

type Props<Item> = {
  label: string;
  items: readonly Item[];
  columns: readonly Column<Item>[];
  rowId: (item: Item) => string;
  /** Column ids not to show. */
  hidden?: readonly string[];
  /** Marks a row as the one being looked at. */
  selected?: string | undefined;
  rowTone?: (item: Item) => string | undefined;
};

/** More rows than this are rendered only near the screen. */
const virtualFrom = 150;
const rowHeightPx = 53;
const none: readonly string[] = [];

export function Table<Item extends RowData>({
  label,
  items,
  columns,
  rowId,
  hidden = none,
  selected,
  rowTone,
}: Props<Item>) {
  const body = useRef<HTMLTableSectionElement>(null);
  const definitions = useMemo(() => columns.map(definitionOf), [columns]);
  const columnVisibility = useMemo(() => Object.fromEntries(hidden.map((id) => [id, false])), [hidden]);
  const table = useTable({
    features,
    columns: definitions,
    data: items as Item[],
    getRowId: (item) => rowId(item),
    state: { columnVisibility },
  });
  const { rows } = table.getRowModel();
  const virtual = rows.length > virtualFrom;
  const virtualizer = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => rowHeightPx,
    overscan: 20,
    enabled: virtual,
    scrollMargin: body.current?.offsetTop ?? 0,
    getItemKey: (index) => rows[index]?.id ?? index,
  });
  const near = virtualizer.getVirtualItems();
  const shown = virtual
    ? near.map(({ index }) => ({ index, row: rows[index] }))
    : rows.map((row, index) => ({ index, row }));
  const before = virtual && near[0] ? near[0].start - virtualizer.options.scrollMargin : 0;
  const lastEnd = near.at(-1)?.end ?? 0;
  const after = virtual
    ? Math.max(0, virtualizer.getTotalSize() - (lastEnd - virtualizer.options.scrollMargin))
    : 0;
  const shape = new Map(columns.map((column) => [column.id, column]));

  return (
    <div className={classes.tableFrame}>
      <table className={classes.table} aria-label={label} aria-rowcount={rows.length + 1}>
        <thead>
          {table.getHeaderGroups().map((group) => (
            <tr key={group.id}>
              {group.headers.map((header) => (
                <th
                  key={header.id}
                  scope="col"
                  data-hide={shape.get(header.column.id)?.hideBelow}
                  className={shape.get(header.column.id)?.className}
                >
                  {shape.get(header.column.id)?.hideHeader ? (
                    <VisuallyHidden>{shape.get(header.column.id)?.header}</VisuallyHidden>
                  ) : (
                    <table.FlexRender header={header} />
                  )}
                </th>
              ))}
            </tr>
          ))}
        </thead>
        <tbody ref={body} onKeyDown={walkRows}>
          <Spacer height={before} columns={columns.length} />
          {shown.map(({ index, row }) =>
            row === undefined ? null : (
              <tr
                key={row.id}
                data-index={index}
                ref={virtual ? virtualizer.measureElement : undefined}
                aria-rowindex={index + 2}
                data-selected={row.id === selected || undefined}
                data-tone={rowTone?.(row.original)}
              >
                {cellsOf(row).map((cell) => (
                  <td
                    key={cell.id}
                    data-hide={shape.get(cell.column.id)?.hideBelow}
                    className={shape.get(cell.column.id)?.className}
                  >
                    {shape.get(cell.column.id)?.cell(row.original)}
                  </td>
                ))}
              </tr>
            ),
          )}
          <Spacer height={after} columns={columns.length} />
        </tbody>
      </table>
    </div>
  );
}

function cellsOf<Item extends RowData>(row: Row<Features, Item>) {
  return row.getVisibleCells();
}

/** Cells are rendered by the column itself: as the library's component, a new function would be a new cell, and lose the focus. */
function definitionOf<Item extends RowData>({ id, header }: Column<Item>): ColumnDef<Features, Item> {
  return { id, header };
}

function Spacer({ height, columns }: { height: number; columns: number }) {
  if (height <= 0) return null;
  return (
    <tr>
      <td colSpan={columns} style={{ height, padding: 0 }} />
    </tr>
  );
}

/** Up and down go from a row's first link or button to the next row's. */
function walkRows(event: KeyboardEvent<HTMLElement>): void {
  const step =
    event.key === 'ArrowDown'
      ? 'nextElementSibling'
      : event.key === 'ArrowUp'
        ? 'previousElementSibling'
        : undefined;
  const within = event.target instanceof HTMLElement ? event.target : undefined;
  if (
    step === undefined ||
    within === undefined ||
    within.matches('input, textarea, select, [role="combobox"]')
  )
    return;
  const goal = within.closest('tr')?.[step]?.querySelector<HTMLElement>('a, button');
  if (!goal) return;
  event.preventDefault();
  goal.focus();
}
