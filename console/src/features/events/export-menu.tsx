/** Takes the trail away as a file, with the filter it is shown under and without an end. */
import { Button, Menu } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { downloadApi } from '../../api/client.ts';
import { DownloadIcon } from '../../parts/icons.tsx';
import { ProblemAlert } from '../../parts/problem-alert.tsx';
import classes from './events.module.css';
import { questionOf, type TrailFilter, type TrailView } from './trail-search.ts';

const kinds = [
  { mediaType: 'application/x-ndjson', ending: 'ndjson', label: 'NDJSON, every field' },
  { mediaType: 'text/csv', ending: 'csv', label: 'CSV, for spreadsheets' },
] as const;

type Props = { view: TrailView; filter: TrailFilter };

export function ExportMenu({ view, filter }: Props) {
  const download = useMutation({
    mutationFn: async ({ mediaType, ending }: (typeof kinds)[number]) => {
      const blob = await downloadApi('events.list', { query: questionOf(view, filter) }, mediaType);
      saveFile(
        blob,
        `tallyman-events-${new Date().toISOString().slice(0, 19).replaceAll(':', '')}.${ending}`,
      );
    },
  });
  return (
    <>
      <Menu position="bottom-end" shadow="md" withinPortal>
        <Menu.Target>
          <Button variant="default" leftSection={<DownloadIcon />} loading={download.isPending}>
            Export
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>All events of this filter; the export is itself recorded</Menu.Label>
          {kinds.map((kind) => (
            <Menu.Item key={kind.ending} onClick={() => download.mutate(kind)}>
              {kind.label}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
      {download.error && (
        <div className={classes.exportProblem}>
          <ProblemAlert error={download.error} title="The export did not work" />
        </div>
      )}
    </>
  );
}

function saveFile(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
