/** The frame of the pages before anybody is signed in. */
import { Title } from '@mantine/core';
import { type ReactNode, useEffect } from 'react';
import { Mark } from '../../parts/icons.tsx';
import classes from './session.module.css';

export function Outside({ title, lead, children }: { title: string; lead: ReactNode; children: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · Tallyman`;
  }, [title]);
  return (
    <main className={classes.outside}>
      <div className={classes.card}>
        <div className={classes.brand}>
          <Mark size={34} />
          <span>Tallyman</span>
        </div>
        <Title order={1}>{title}</Title>
        <div className={classes.lead}>{lead}</div>
        {children}
      </div>
    </main>
  );
}
