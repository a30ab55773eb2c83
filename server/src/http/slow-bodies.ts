/**
 * Ends requests whose body arrives too slowly. A limit on the whole time would break long uploads over honest slow
 * lines, so what is bounded is the rate: over each window, while the server waits for the client, enough must arrive.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';

export type SlowBodyLimits = { bytesPerSecond: number; windowSeconds: number };

type Watched = { response: ServerResponse; received: number };

export class SlowBodies {
  readonly #limits: SlowBodyLimits;
  readonly #watched = new Map<IncomingMessage, Watched>();
  readonly #timer: NodeJS.Timeout;

  constructor(limits: SlowBodyLimits) {
    this.#limits = limits;
    this.#timer = setInterval(() => this.sweep(), limits.windowSeconds * 1000);
    this.#timer.unref();
  }

  /** Call it for every request; one without a body costs two look-ups. */
  watch(request: IncomingMessage, response: ServerResponse): void {
    const { headers } = request;
    if (headers['transfer-encoding'] === undefined && (headers['content-length'] ?? '0') === '0') return;
    this.#watched.set(request, { response, received: request.socket.bytesRead });
    const forget = (): void => void this.#watched.delete(request);
    request.once('end', forget);
    request.once('close', forget);
  }

  /** Once per window. */
  sweep(): void {
    const least = this.#limits.bytesPerSecond * this.#limits.windowSeconds;
    for (const [request, watched] of this.#watched) {
      const arrived = request.socket.bytesRead - watched.received;
      watched.received = request.socket.bytesRead;
      // Bytes that wait to be read mean that we are the slow one.
      if (arrived >= least || request.complete || request.readableLength > 0) continue;
      this.#watched.delete(request);
      tooSlow(request, watched.response);
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** The handler sees a broken request, as when the client had gone. */
function tooSlow(request: IncomingMessage, response: ServerResponse): void {
  if (!response.headersSent && request.socket.writable) {
    request.socket.write('HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
  }
  request.socket.destroySoon();
  request.destroy();
}
