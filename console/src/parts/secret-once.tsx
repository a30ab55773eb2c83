/** Shows a new secret, this once. Closing is a deliberate act: nothing else puts the dialog away. */
import { Button, Code, Group, Modal, Stack, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { CopyTextButton } from './copy.tsx';
import { Notice } from './notice.tsx';
import classes from './parts.module.css';

type Props = { opened: boolean; title: string; secret: string; onDone: () => void; children?: ReactNode };

export function SecretOnce({ opened, title, secret, onDone, children }: Props) {
  return (
    <Modal
      opened={opened}
      onClose={onDone}
      title={title}
      closeOnClickOutside={false}
      closeOnEscape={false}
      withCloseButton={false}
      size="lg"
    >
      <Stack gap="md">
        <Notice tone="warn" title="Copy it now">
          <p>It is shown this once. Only a hash of it is stored, so nobody can show it again.</p>
        </Notice>
        <div className={classes.secret}>
          <Code className={classes.secretText} data-testid="secret">
            {secret}
          </Code>
          <CopyTextButton text={secret} label="Copy" />
        </div>
        {children && <Text size="sm">{children}</Text>}
        <Group justify="flex-end">
          <Button onClick={onDone}>I have stored it</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
