/** Who acts where nobody asked: a part of the server, by its name. */
import type { Clock } from '../stdx/clock.ts';
import { uuidv7 } from '../stdx/random.ts';
import type { Performer } from './draft.ts';

export function systemPerformer(clock: Pick<Clock, 'nowUs'>, name: string): Performer {
  return {
    actor: { kind: 'system', id: name, name, proven: true },
    credential: { kind: 'none' },
    request: { id: uuidv7(clock.nowUs()), protocol: 'internal' },
  };
}
