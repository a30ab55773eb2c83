/** A field for a name as machines take it: never corrected, capitalised or filled in by the browser. */
import { TextInput, type TextInputProps } from '@mantine/core';

export function NameInput(props: TextInputProps) {
  return (
    <TextInput
      name="name"
      required
      withAsterisk={false}
      maxLength={64}
      autoCapitalize="none"
      spellCheck={false}
      autoComplete="off"
      {...props}
    />
  );
}
