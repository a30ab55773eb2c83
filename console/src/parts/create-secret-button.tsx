/** A button that opens a dialog in which something with a secret is made; then the secret is shown, this once. */
import { type ReactNode, useRef } from 'react';
import { CreateButton } from './create-button.tsx';
import { SecretOnce } from './secret-once.tsx';
import { useAsked } from './use-asked.ts';

type Props<Made> = {
  label: string;
  primary?: boolean;
  size?: 'md' | 'lg';
  children: (form: { onClose: () => void; onCreated: (made: Made) => void }) => ReactNode;
  /** Over the secret. */
  titleOf: (made: Made) => string;
  /** How it is used. */
  hint?: (made: Made) => ReactNode;
};

export function CreateSecretButton<Made extends { secret: string }>(props: Props<Made>) {
  const { children, titleOf, hint, ...button } = props;
  const { item: made, opened, ask, close: done } = useAsked<Made>();
  const opener = useRef<HTMLButtonElement>(null);
  return (
    <>
      <CreateButton {...button} buttonRef={opener}>
        {(close) =>
          children({
            onClose: close,
            onCreated: (created) => {
              close();
              ask(created, opener.current);
            },
          })
        }
      </CreateButton>
      <SecretOnce opened={opened} title={made ? titleOf(made) : ''} secret={made?.secret ?? ''} onDone={done}>
        {made && hint?.(made)}
      </SecretOnce>
    </>
  );
}
