/** The address's query as plain parameters, a repeated one being a list: the same text that the API takes. */
import { formatQuery } from '../api/client.ts';

export function parseSearch(text: string): Record<string, string | string[]> {
  const params = new URLSearchParams(text);
  return Object.fromEntries(
    [...new Set(params.keys())].map((key) => {
      const values = params.getAll(key);
      return [key, values.length === 1 ? (values[0] as string) : values];
    }),
  );
}

export function formatSearch(search: Record<string, unknown>): string {
  const text = formatQuery(search);
  return text === '' ? '' : `?${text}`;
}
