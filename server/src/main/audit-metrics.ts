/** Metrics of the server's own checks, read when they are asked for. */
import { Gauge, type Registry } from 'prom-client';
import type { LastAudit, SelfAudit } from '../fsck/self-audit.ts';

export function addAuditMetrics(registry: Registry, audit: Pick<SelfAudit, 'last'>): void {
  const add = (name: string, help: string, read: (last: LastAudit) => number): void => {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        const { last } = audit;
        if (last === undefined) this.remove();
        else this.set(read(last));
      },
    });
  };
  add(
    'tallyman_fsck_last_run_timestamp_seconds',
    'When the last whole pass over everything stored ended; absent before the first',
    ({ atUs }) => atUs / 1e6,
  );
  add('tallyman_fsck_duration_seconds', 'How long it took', ({ durationMs }) => durationMs / 1e3);
  add(
    'tallyman_fsck_findings',
    'Things it found wrong; anything but 0 should wake somebody up',
    ({ errors }) => errors,
  );
}
