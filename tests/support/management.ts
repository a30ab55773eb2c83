/** The management API for set-up steps: every call must succeed, and what it answers is returned as it is. */
import type { Wire } from './wire.ts';

export type Management = {
  call(method: string, path: string, json?: unknown): Promise<Record<string, never>>;
};

/** Every request carries `authorization`. */
export function createManagement(wire: Wire, authorization: string): Management {
  return {
    async call(method, path, json) {
      const headers = { authorization, 'user-agent': 'management/1' };
      const answer = await wire.send({ method, path: `/api/v1${path}`, headers, json });
      if (answer.status >= 300)
        throw new Error(`${method} ${path} answered ${answer.status}: ${answer.text}`);
      return answer.text === '' ? {} : (answer.json() as Record<string, never>);
    },
  };
}
