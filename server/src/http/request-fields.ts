/** What http/server.ts puts on every Fastify request before any route sees it. */
import type { RequestFacts } from '@tallyman/contract';
import type { Presented } from './presented.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who knocked, for the trail: id, address, agent, method, pattern of the route. */
    facts: RequestFacts;
    /** The limiter's key of the client. */
    source: string;
    presented: Presented;
  }
}

/** For events of what was done: the status of the answer, where it is certain before they commit. */
export function withStatus(facts: RequestFacts, status: number): RequestFacts {
  return { ...facts, status };
}

/** For a route whose pattern says more than the one the router knows it by. */
export function withRoute(facts: RequestFacts, route: string): RequestFacts {
  return { ...facts, route };
}
