/** A long text for machines: shown when asked for, scrolled by keyboard too, and copied as it is. */
import { Button, Code } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { CopyTextButton } from './copy.tsx';
import classes from './parts.module.css';

type Props = {
  /** `JSON`: what it is, after Show, Hide and Copy. */
  name: string;
  text: string;
  /** As it is laid out for people, where that differs from what is copied. */
  shown?: string;
  /** What has to be known to read it. */
  children?: ReactNode;
};

export function TextBlock({ name, text, shown = text, children }: Props) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <div className={classes.buttons}>
        <Button size="xs" variant="default" aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? 'Hide' : 'Show'} {name}
        </Button>
        <CopyTextButton text={text} label={`Copy ${name}`} />
      </div>
      {open && (
        <>
          {children}
          <Code block className={classes.block} tabIndex={0} role="region" aria-label={name}>
            {shown}
          </Code>
        </>
      )}
    </>
  );
}
