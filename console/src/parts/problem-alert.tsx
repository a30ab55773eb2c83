/** What went wrong, why and what to do, as the server said it; announced, because it follows something a person did. */
import { Button } from '@mantine/core';
import type { ReactNode } from 'react';
import { ApiError } from '../api/problem.ts';
import { TextLink } from './links.tsx';
import { Notice } from './notice.tsx';
import classes from './parts.module.css';

type Props = {
  error: unknown;
  title?: string;
  retry?: () => unknown;
  /** The way on from this error, where there is one. */
  children?: ReactNode;
};

export function ProblemAlert({ error, title, retry, children }: Props) {
  if (error === null || error === undefined) return null;
  const problem = error instanceof ApiError ? error.problem : undefined;
  const wait = error instanceof ApiError ? error.retryAfterSeconds : undefined;
  return (
    <Notice tone="bad" urgent title={title ?? problem?.title ?? 'That did not work'}>
      <p>
        {error instanceof Error ? error.message : String(error)}
        {wait !== undefined && ` You can try again in ${waitText(wait)}.`}
      </p>
      {problem && (
        <p className={classes.under}>
          Request {problem.requestId}
          {problem.field !== undefined && ` · field “${problem.field}”`}
        </p>
      )}
      {typeof problem?.eventId === 'string' && (
        <p>
          <TextLink to="/events/$event" params={{ event: problem.eventId }} size="sm">
            The event behind it
          </TextLink>
        </p>
      )}
      {children}
      {retry && (
        <Button size="compact-xs" variant="default" mt={6} onClick={() => void retry()}>
          Try again
        </Button>
      )}
    </Notice>
  );
}

function waitText(seconds: number): string {
  if (seconds < 90) return `${seconds} ${seconds === 1 ? 'second' : 'seconds'}`;
  return `${Math.ceil(seconds / 60)} minutes`;
}
