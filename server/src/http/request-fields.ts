/** What http/server.ts puts on every Fastify request before any route sees it. */
import type { RequestFacts } from '@tallyman/contract';
import type { Presented } from './presented.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who knocked, for the trail: id, address, agent, method. A route adds its pattern with `withRoute`. */
    facts: RequestFacts;
    /** The limiter's key of the client. */
    source: string;
    presented: Presented;
  }
}

export function withRoute(facts: RequestFacts, route: string): RequestFacts {
  return { ...facts, route };
}
