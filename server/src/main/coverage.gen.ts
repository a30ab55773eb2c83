/** Writes docs/reference/coverage.md. Here, because only the composition root knows every host's table of routes. */
import {
  apiCoverage,
  type CoverageRow,
  coverageMarkdown,
  hostCoverage,
  logCoverage,
  serverCoverage,
} from '../api/coverage.ts';
import { containerRouteTable } from '../containers/routes.ts';

export function coverage(): CoverageRow[] {
  return [
    ...hostCoverage('Container registry', containerRouteTable),
    ...apiCoverage(),
    ...logCoverage(),
    ...serverCoverage(),
  ];
}

export async function generate(): Promise<{ path: string; content: string }[]> {
  return [{ path: 'docs/reference/coverage.md', content: coverageMarkdown(coverage()) }];
}
