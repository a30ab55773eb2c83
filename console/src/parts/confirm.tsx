/** Asks before something that cannot simply be undone, and says what will be recorded. */
import { Modal, Text, TextInput } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { DialogForm } from './dialog-form.tsx';

type Props = {
  opened: boolean;
  title: string;
  children: ReactNode;
  /** The verb, as on the button. */
  action: string;
  danger?: boolean;
  /** To be typed first, where a slip would cost much. */
  typed?: string | undefined;
  change: { isPending: boolean; error: unknown; reset: () => void };
  explain?: ((error: unknown) => ReactNode) | undefined;
  onConfirm: () => void;
  onClose: () => void;
};

export function Confirm({ opened, title, onClose, ...question }: Props) {
  const close = (): void => {
    // What went wrong with this one says nothing about the next.
    question.change.reset();
    onClose();
  };
  return (
    <Modal opened={opened} onClose={close} title={title}>
      {opened && <Question {...question} onClose={close} />}
    </Modal>
  );
}

function Question({ children, typed, onConfirm, ...form }: Omit<Props, 'opened' | 'title'>) {
  const [text, setText] = useState('');
  return (
    <DialogForm
      {...form}
      incomplete={typed !== undefined && text !== typed}
      focusAction={typed === undefined}
      onSubmit={onConfirm}
    >
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
          data-autofocus
          onChange={(event) => setText(event.currentTarget.value)}
        />
      )}
      <Text size="xs" c="dimmed">
        The change is itself recorded on the trail, with your name.
      </Text>
    </DialogForm>
  );
}
