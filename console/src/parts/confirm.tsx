/** Asks before something that cannot simply be undone, and says what will be recorded. */
import { Button, Group, Modal, Stack, Text, TextInput } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { ProblemAlert } from './problem-alert.tsx';

type Props = {
  opened: boolean;
  title: string;
  children: ReactNode;
  /** The verb, as on the button. */
  action: string;
  danger?: boolean;
  /** To be typed first, where a slip would cost much. */
  typed?: string | undefined;
  pending: boolean;
  error: unknown;
  onConfirm: () => void;
  onClose: () => void;
};

export function Confirm(props: Props) {
  return (
    <Modal opened={props.opened} onClose={props.onClose} title={props.title}>
      {props.opened && <Question {...props} />}
    </Modal>
  );
}

function Question({ children, action, danger = false, typed, pending, error, onConfirm, onClose }: Props) {
  const [text, setText] = useState('');
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        onConfirm();
      }}
    >
      <Stack gap="md">
        <div>{children}</div>
        {typed !== undefined && (
          <TextInput
            label={
              <>
                Type <b>{typed}</b> to go on
              </>
            }
            value={text}
            autoComplete="off"
            onChange={(event) => setText(event.currentTarget.value)}
          />
        )}
        <Text size="xs" c="dimmed">
          The change is itself recorded on the trail, with your name.
        </Text>
        <ProblemAlert error={error} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button
            type="submit"
            {...(danger && { color: 'red' })}
            loading={pending}
            disabled={typed !== undefined && text !== typed}
            data-autofocus={typed === undefined || undefined}
          >
            {action}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
