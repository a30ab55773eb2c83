/** The frame of every page: title, what it is for, what can be done there. Takes the focus when it opens. */
import { Title } from '@mantine/core';
import { type ReactNode, useEffect, useRef } from 'react';
import classes from './parts.module.css';

type Props = {
  title: string;
  /** Shown small above the title: where this is. */
  place?: ReactNode;
  lead?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
};

export function Page({ title, place, lead, actions, children }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Tallyman`;
    // So that a reader hears where a link led, and Tab goes on from the page's start.
    heading.current?.focus({ preventScroll: true });
  }, [title]);
  return (
    <>
      <div className={classes.pageHeader}>
        <div className={classes.pageTitle}>
          {place && <div className={classes.place}>{place}</div>}
          <Title order={1} ref={heading} tabIndex={-1} className={classes.heading}>
            {title}
          </Title>
          {lead && <p className={classes.lead}>{lead}</p>}
        </div>
        {actions && <div className={classes.actions}>{actions}</div>}
      </div>
      {children}
    </>
  );
}

/** A part of a page with its own heading. */
export function Section({ title, lead, actions, children }: Omit<Props, 'place'>) {
  return (
    <section className={classes.section} aria-label={title}>
      <div className={classes.sectionHeader}>
        <div>
          <Title order={2}>{title}</Title>
          {lead && <p className={classes.lead}>{lead}</p>}
        </div>
        {actions && <div className={classes.actions}>{actions}</div>}
      </div>
      {children}
    </section>
  );
}

/** Says what is not there, and how it would come about. */
export function Nothing({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className={classes.nothing}>
      <p className={classes.nothingTitle}>{title}</p>
      {children && <div className={classes.lead}>{children}</div>}
    </div>
  );
}
