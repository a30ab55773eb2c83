/** What went wrong, why and what to do, as the server said it; announced, because it follows something a person did. */
import { Alert, Button, Group, Text } from '@mantine/core';
import { ApiError } from '../api/problem.ts';
import { WarningIcon } from './icons.tsx';

type Props = { error: unknown; title?: string; retry?: () => unknown };

export function ProblemAlert({ error, title, retry }: Props) {
  if (error === null || error === undefined) return null;
  const problem = error instanceof ApiError ? error.problem : undefined;
  const wait = error instanceof ApiError ? error.retryAfterSeconds : undefined;
  return (
    <Alert
      role="alert"
      color="red"
      variant="light"
      icon={<WarningIcon />}
      title={title ?? problem?.title ?? 'That did not work'}
    >
      <Text size="sm">
        {error instanceof Error ? error.message : String(error)}
        {wait !== undefined && ` You can try again in ${waitText(wait)}.`}
      </Text>
      {(problem !== undefined || retry !== undefined) && (
        <Group justify="space-between" mt="xs">
          <Text size="xs" c="dimmed">
            {problem && `Request ${problem.requestId}`}
            {problem?.field && ` · field “${problem.field}”`}
          </Text>
          {retry && (
            <Button size="compact-xs" variant="default" onClick={() => void retry()}>
              Try again
            </Button>
          )}
        </Group>
      )}
    </Alert>
  );
}

function waitText(seconds: number): string {
  if (seconds < 90) return `${seconds} ${seconds === 1 ? 'second' : 'seconds'}`;
  return `${Math.ceil(seconds / 60)} minutes`;
}
