/** `/v2/`: that the registry is here, and whether the credentials are good (end-1). */
import type { Exchange } from './exchange.ts';
import { requireCaller } from './gate.ts';
import type { Host } from './parts.ts';

export async function ping(host: Host, exchange: Exchange): Promise<void> {
  await requireCaller(host, exchange);
  exchange.reply.type('application/json').send(exchange.request.method === 'HEAD' ? undefined : '{}');
}
