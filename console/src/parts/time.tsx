/** A moment in the reader's own time zone, with UTC to the microsecond on hover. */

import classes from './parts.module.css';
import { formatUtc, localParts } from './time-text.ts';

export function Time({ at, short = false }: { at: string; short?: boolean }) {
  const { day, time } = localParts(at);
  return (
    <time dateTime={at} title={formatUtc(at)} className={classes.time}>
      {short ? (
        <>
          <span className={classes.day}>{day}</span> {time}
        </>
      ) : (
        `${day} ${time}`
      )}
    </time>
  );
}

export function TimeOr({ at, otherwise }: { at: string | null; otherwise: string }) {
  return at === null ? <span className={classes.dim}>{otherwise}</span> : <Time at={at} />;
}
