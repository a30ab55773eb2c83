/** `tallyman export`: events without an end, to a file or a pipe. */
import { createWriteStream } from 'node:fs';
import { rename } from 'node:fs/promises';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { bundleMediaType, exportTotalHeader, exportUntilHeader, leftOutHeader } from '@tallyman/contract';
import { readClientSettings } from '../config/client.ts';
import { AppError } from '../domain/error.ts';
import { systemClock } from '../stdx/clock.ts';
import { ApiClient } from './api-client.ts';
import type { Command } from './command.ts';
import { filterFlags, parseFilterFlags } from './event-flags.ts';
import { UsageError } from './exit.ts';
import { forgetUntil, keepUntil, type Part, partPath, resumePart } from './export-part.ts';
import { ExportProgress } from './export-progress.ts';
import { serverFlags } from './flags.ts';

const name = 'export';
const accepts: Readonly<Record<string, string>> = {
  ndjson: 'application/x-ndjson',
  csv: 'text/csv',
  bundle: bundleMediaType,
};

export const exportEvents: Command = {
  name,
  summary: 'Write events to a file or a pipe, as NDJSON, CSV or an evidence bundle',
  description: [
    'Writes every event that matches and that the token’s owner may see, oldest first. The export itself is an event, recorded before its first byte.',
    'A bundle holds at most 100,000 events, each with its proof and those fields that the token’s owner may read; `tallyman verify` checks it without the server.',
    'A file appears under its name only when it is whole; what a broken export leaves is called FILE.part, and the exit code is not 0. With --resume an NDJSON export goes on with it: the file is then the same as if nothing had broken.',
    'Needs TALLYMAN_TOKEN, an access token with the scope events:read.',
  ],
  positionals: [
    { name: 'FILE', description: 'Where to write. Default, or "-": standard output.', optional: true },
  ],
  flags: {
    format: { value: 'FORMAT', description: 'ndjson (default), csv or bundle.' },
    resume: {
      description:
        'Go on with FILE.part, which an NDJSON export that broke off has left. Repeat its filters.',
    },
    ...filterFlags,
    ...serverFlags,
  },
  examples: [
    {
      line: 'tallyman export --view administration --from 2026-11-01T00:00:00Z --to 2026-12-01T00:00:00Z november.ndjson',
      says: 'a month of everything',
    },
    {
      line: 'tallyman export --view namespace --namespace team --format csv > team.csv',
      says: 'an organisation’s trail for a spreadsheet',
    },
  ],
  run: async (input, terminal) => {
    const filter = parseFilterFlags(input, name);
    const accept = accepts[input.text('format') ?? 'ndjson'];
    if (accept === undefined) throw new UsageError('--format is ndjson, csv or bundle.', name);
    const file = input.positional(0);
    const toFile = file !== '' && file !== '-';
    if (input.on('resume') && (!toFile || accept !== accepts.ndjson))
      throw new UsageError('--resume needs FILE, and goes on with NDJSON only.', name);
    const client = new ApiClient(readClientSettings(), input.text('url'));
    const part: Part = input.on('resume') ? await resumePart(file) : { after: undefined, until: undefined };
    const response = await client.open('events.list', { query: { ...filter, ...part }, accept });
    if (response.headers.get('content-type')?.startsWith(accept) !== true || response.body === null) {
      throw new AppError(
        'unavailable',
        'The server did not answer with an export. Is it of the same version as this command?',
      );
    }
    const leftOut = Number(response.headers.get(leftOutHeader) ?? 0);
    if (leftOut > 0)
      terminal.err(
        `${leftOut} of your own refusals are left out: their public bodies tell where they stand, which you may not know.`,
      );
    const body = Readable.fromWeb(response.body as ReadableStream<Uint8Array>);
    const until = numberIn(response, exportUntilHeader);
    const total = numberIn(response, exportTotalHeader);
    const watched = new ExportProgress({ until, total, tell: terminal.err, clock: systemClock() });
    if (!toFile) await copy(body, process.stdout);
    else {
      if (until !== undefined) await keepUntil(file, until);
      const flags = input.on('resume') ? 'a' : 'w';
      await copy(body, createWriteStream(partPath(file), { mode: 0o600, flush: true, flags }), watched);
      await rename(partPath(file), file);
      await forgetUntil(file);
      terminal.err(`wrote ${file}: ${watched.line()}`);
    }
    return 0;
  },
};

function numberIn({ headers }: Response, header: string): number | undefined {
  const text = headers.get(header);
  return text === null ? undefined : Number(text);
}

async function copy(from: Readable, to: Writable, watched?: ExportProgress): Promise<void> {
  try {
    await (watched ? pipeline(from, watched, to) : pipeline(from, to, { end: to !== process.stdout }));
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === 'EPIPE') return;
    // An error of the file is told as it is; all others are the connection's.
    throw code !== undefined && /^E[A-Z]+$/.test(code) ? error : cutShort(error);
  }
}

function cutShort(cause: unknown): AppError {
  return new AppError(
    'unavailable',
    'The connection ended before the export did: what was written is not whole.',
    { cause },
  );
}
