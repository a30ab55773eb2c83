/** Pages of lists: how many rows one holds, and how the row beyond it tells that there is another. */

const usualSize = 50;
const mostSize = 200;

/** Rows of a page; read one more than this. */
export function pageSize(asked: number | undefined, most: number = mostSize): number {
  return Math.min(asked ?? usualSize, most);
}

/** The rows to show, and in `next` where the next page begins, if there is one. `placeOf`: a row's place in the order. */
export function cutPage<Row>(
  rows: readonly Row[],
  size: number,
  placeOf: (row: Row) => string,
): { shown: Row[]; next?: string } {
  const shown = rows.slice(0, size);
  const last = shown.at(-1);
  return { shown, ...(rows.length > size && last !== undefined && { next: placeOf(last) }) };
}
