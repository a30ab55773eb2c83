/** What stands in every dialog that makes or changes something: its fields, what went wrong, and the two buttons. */
import { Button, Group, Stack } from '@mantine/core';
import type { ReactNode } from 'react';
import { ProblemAlert } from './problem-alert.tsx';

type Props = {
  /** The verb, as on the button. */
  action: string;
  /** The way out, where it says more than `Cancel`. */
  cancel?: string;
  danger?: boolean;
  /** Nothing can be sent yet. */
  incomplete?: boolean;
  /** Where there is nothing to fill in, Enter is the answer. */
  focusAction?: boolean;
  change: { isPending: boolean; error: unknown };
  /** What more there is to say of what went wrong: the way on from it. */
  explain?: ((error: unknown) => ReactNode) | undefined;
  onSubmit: (values: FormValues) => void;
  onClose: () => void;
  children: ReactNode;
};

/** A field's text without the space around it; undefined when it was left empty. `secretOf` keeps every character. */
export type FormValues = { textOf: (name: string) => string | undefined; secretOf: (name: string) => string };

export function DialogForm(props: Props) {
  const { action, danger = false, incomplete = false, focusAction = false, change } = props;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        props.onSubmit(valuesOf(event.currentTarget));
      }}
    >
      <Stack gap="md">
        {props.children}
        <ProblemAlert error={change.error}>
          {change.error !== null && props.explain?.(change.error)}
        </ProblemAlert>
        <Group justify="flex-end">
          <Button variant="default" onClick={props.onClose}>
            {props.cancel ?? 'Cancel'}
          </Button>
          <Button
            type="submit"
            {...(danger && { color: 'red.9' })}
            loading={change.isPending}
            disabled={incomplete}
            data-autofocus={focusAction || undefined}
          >
            {action}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

export function valuesOf(form: HTMLFormElement): FormValues {
  const values = new FormData(form);
  const secretOf = (name: string): string => {
    const value = values.get(name);
    return typeof value === 'string' ? value : '';
  };
  return { secretOf, textOf: (name) => secretOf(name).trim() || undefined };
}
