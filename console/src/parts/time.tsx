/** A moment in the reader's own time zone, with UTC to the microsecond on hover. */

import classes from './parts.module.css';
import { formatUtc, localParts } from './time-text.ts';

/** `short`: the day under the time, for narrow columns. */
export function Time({ at, short = false }: { at: string; short?: boolean }) {
  const { day, time } = localParts(at);
  return (
    <time dateTime={at} title={formatUtc(at)} className={classes.time}>
      {short ? (
        <>
          {time}
          <span className={classes.day}>{day}</span>
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
