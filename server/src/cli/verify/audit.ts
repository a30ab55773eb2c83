/** Runs an audit of the verifier: hands it the files it asks for. */
import { type Audit, type AuditVerdict, auditLog } from '@tallyman/verifier';
import type { KeptLog } from './kept-log.ts';
import type { LogSource } from './log-source.ts';

export type AuditFiles = {
  log: LogSource;
  kept: Pick<KeptLog, 'read'>;
  /** Checkpoints kept elsewhere, by name. */
  elsewhere: (name: string) => Promise<Uint8Array | undefined>;
};

export async function runAudit(audit: Audit, { log, kept, elsewhere }: AuditFiles): Promise<AuditVerdict> {
  const reading = auditLog(audit);
  for (let step = reading.next(); ; ) {
    if (step.done) return step.value;
    const { from, path } = step.value;
    if (from === 'elsewhere') step = reading.next(await elsewhere(path));
    else step = reading.next(await (from === 'kept' ? kept : log).read(path));
  }
}
