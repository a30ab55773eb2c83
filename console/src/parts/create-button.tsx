/** A button that opens a dialog in which something new is made. */
import { Button, Modal } from '@mantine/core';
import { type ReactNode, type RefObject, useState } from 'react';
import { PlusIcon } from './icons.tsx';

type Props = {
  /** `New robot`: on the button and over the dialog. */
  label: string;
  primary?: boolean;
  size?: 'md' | 'lg';
  buttonRef?: RefObject<HTMLButtonElement | null>;
  /** The form; what was typed is gone when the dialog closes. */
  children: (close: () => void) => ReactNode;
};

export function CreateButton({ label, primary = false, size = 'md', buttonRef, children }: Props) {
  const [opened, setOpened] = useState(false);
  const close = (): void => setOpened(false);
  return (
    <>
      <Button
        ref={buttonRef}
        leftSection={<PlusIcon />}
        {...(!primary && { variant: 'default' })}
        onClick={() => setOpened(true)}
      >
        {label}
      </Button>
      <Modal opened={opened} onClose={close} title={label} size={size}>
        {opened && children(close)}
      </Modal>
    </>
  );
}
