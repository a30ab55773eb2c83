/**
 * A TCP port nobody listens on at this moment. Between this answer and its use somebody else may take it; what can
 * listen on port 0 and tell its port should do that instead.
 *
 * The port is drawn from below those the kernel gives out by itself: with many tests beside each other, any
 * connection one of them opens could otherwise take the port before the server asked for it, or between its stop and
 * its next start.
 */
import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';

const lowest = 10_000;
const draws = 50;

export async function findFreePort(): Promise<number> {
  const end = await firstGivenOut();
  for (let drawn = 0; drawn < draws && end > lowest; drawn += 1) {
    const port = await listenOnce(randomInt(lowest, end)).catch(() => undefined);
    if (port !== undefined) return port;
  }
  return listenOnce(0);
}

/** The first port of those an outgoing connection, or one who listens on port 0, is given. */
async function firstGivenOut(): Promise<number> {
  const text = await readFile('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').catch(() => '32768');
  return Number.parseInt(text, 10);
}

function listenOnce(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(port, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => {
        if (address === null || typeof address === 'string') reject(new Error('the probe has no port'));
        else resolve(address.port);
      });
    });
  });
}
