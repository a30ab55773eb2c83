/** A button that opens a dialog in which something with a secret is made; then the secret is shown, this once. */
import { type ReactNode, useState } from 'react';
import { CreateButton } from './create-button.tsx';
import { SecretOnce } from './secret-once.tsx';

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
  const [made, setMade] = useState<Made | undefined>();
  return (
    <>
      <CreateButton {...button}>
        {(close) =>
          children({
            onClose: close,
            onCreated: (created) => {
              close();
              setMade(created);
            },
          })
        }
      </CreateButton>
      <SecretOnce title={made ? titleOf(made) : ''} secret={made?.secret} onDone={() => setMade(undefined)}>
        {made && hint?.(made)}
      </SecretOnce>
    </>
  );
}
