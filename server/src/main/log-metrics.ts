/** Metrics of the log's checkpoints, read when they are asked for. How long the log is, is `tallyman_trail_head`. */
import { withholdings } from '@tallyman/contract';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Clock } from '../stdx/clock.ts';
import type { Log } from '../trail/log/log.ts';

export type LogMetricParts = { eventLog: Pick<Log, 'state'>; clock: Clock };

export function addLogMetrics(registry: Registry, { eventLog, clock }: LogMetricParts): void {
  const registers = [registry];
  new Gauge({
    name: 'tallyman_checkpoint_size',
    help: 'Events that the last published checkpoint covers',
    registers,
    collect() {
      this.set(eventLog.state().published?.size ?? 0);
    },
  });
  new Gauge({
    name: 'tallyman_checkpoint_age_seconds',
    help: 'Time since the last published checkpoint was signed; grows while nothing happens, too',
    registers,
    collect() {
      const { published } = eventLog.state();
      if (published === undefined) this.remove();
      else this.set((clock.nowUs() - published.signedAtUs) / 1_000_000);
    },
  });
  new Counter({
    name: 'tallyman_checkpoint_withheld_total',
    help: 'How often the head of the log was not signed, by why; anything but `time` and `unchecked` means that the log was altered',
    labelNames: ['why'],
    registers,
    collect() {
      this.reset();
      const { withheld } = eventLog.state();
      for (const why of withholdings) this.inc({ why }, withheld.get(why) ?? 0);
    },
  });
  new Counter({
    name: 'tallyman_checkpoint_copy_failures_total',
    help: 'Copies of checkpoints that could not be written; each is tried again',
    registers,
    collect() {
      this.reset();
      this.inc(eventLog.state().copyFailures);
    },
  });
}
