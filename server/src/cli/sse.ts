/** Server-sent events as they come (HTML Living Standard §9.2.6), as far as the trail uses them: id, event and data. */

/** Without data it only says how far the stream was read. */
export type SentEvent = { id: string | undefined; event: string; data: string | undefined };

/** A message without its end is not given: the connection broke in the middle of it. */
export async function* readSentEvents(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<SentEvent> {
  let lines: string[] = [];
  for await (const line of readLines(chunks)) {
    if (line !== '') {
      lines.push(line);
      continue;
    }
    const message = parseMessage(lines);
    lines = [];
    if (message !== undefined) yield message;
  }
}

function parseMessage(lines: readonly string[]): SentEvent | undefined {
  let id: string | undefined;
  let event = 'message';
  const data: string[] = [];
  for (const line of lines) {
    const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (field === 'id') id = value;
    else if (field === 'event') event = value;
    else if (field === 'data') data.push(value);
  }
  if (data.length === 0) return id === undefined ? undefined : { id, event, data: undefined };
  return { id, event, data: data.join('\n') };
}

async function* readLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    rest += decoder.decode(chunk, { stream: true });
    const lines = rest.split(/\r\n|\n/);
    rest = lines.pop() ?? '';
    yield* lines;
  }
}
