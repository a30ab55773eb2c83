/** A quiet box with something that has to be read: what it costs, what went wrong, what was found. */
import type { ReactNode } from 'react';
import { CheckIcon, WarningIcon } from './icons.tsx';
import classes from './parts.module.css';

type Props = {
  tone: 'good' | 'warn' | 'bad';
  title: string;
  children: ReactNode;
  /** Spoken at once. */
  urgent?: boolean;
};

export function Notice({ tone, title, children, urgent = false }: Props) {
  return (
    <div className={classes.notice} data-tone={tone} {...(urgent && { role: 'alert' })}>
      {tone === 'good' ? <CheckIcon size={18} /> : <WarningIcon size={18} />}
      <div className={classes.noticeBody}>
        <p className={classes.noticeTitle}>{title}</p>
        {children}
      </div>
    </div>
  );
}
