/**
 * Takes the trail away as a file, with the filter it is shown under and without an end. The browser itself saves the
 * answer as it comes, so nothing is held in memory here. The session's cookie goes along because the address is ours; it
 * is SameSite=Strict, so that no other page can start an export.
 */
import { Button, Menu } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import type { MouseEvent } from 'react';
import { apiUrl, callApi } from '../../api/client.ts';
import { DownloadIcon } from '../../parts/icons.tsx';
import { ProblemAlert } from '../../parts/problem-alert.tsx';
import classes from './events.module.css';
import { questionOf, type TrailFilter, type TrailView } from './trail-search.ts';

const kinds = [
  { format: 'ndjson', label: 'NDJSON, every field' },
  { format: 'csv', label: 'CSV, for spreadsheets' },
  { format: 'bundle', label: 'Evidence bundle, to be verified offline' },
] as const;
type Format = (typeof kinds)[number]['format'];

type Props = { view: TrailView; filter: TrailFilter };

export function ExportMenu({ view, filter }: Props) {
  const question = questionOf(view, filter);
  const addressOf = (format: Format): string =>
    apiUrl('events.list', { query: { ...question, export: format } });
  // A download that is refused says nothing on the page: ask first what can be known before it begins.
  const start = useMutation({
    meta: { inSession: true },
    mutationFn: async (format: Format) => {
      await callApi('events.list', { query: { ...question, limit: 1 } });
      return format;
    },
    onSuccess: (format) => save(addressOf(format)),
  });
  return (
    <>
      <Menu position="bottom-end" shadow="md" withinPortal>
        <Menu.Target>
          <Button variant="default" leftSection={<DownloadIcon />} loading={start.isPending}>
            Export
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>All events of this filter; the export is itself recorded</Menu.Label>
          {kinds.map(({ format, label }) => (
            <Menu.Item
              key={format}
              component="a"
              href={addressOf(format)}
              download
              onClick={(event: MouseEvent) => {
                event.preventDefault();
                start.mutate(format);
              }}
            >
              {label}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
      <span className={classes.exportSaid} role="status">
        {start.isSuccess && 'Export started: your browser saves it and shows how far it is.'}
      </span>
      {start.error && (
        <div className={classes.exportProblem}>
          <ProblemAlert error={start.error} title="The export did not start" />
        </div>
      )}
    </>
  );
}

/** The name of the file comes with the answer. */
function save(address: string): void {
  const link = document.createElement('a');
  link.href = address;
  link.download = '';
  link.click();
}
