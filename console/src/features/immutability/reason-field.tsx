/** Why something locked is let go: asked for in the words that the event then has. */
import { Textarea, type TextareaProps } from '@mantine/core';
import type { Ref } from 'react';

export function ReasonField(props: TextareaProps & { ref?: Ref<HTMLTextAreaElement> }) {
  return (
    <Textarea
      name="reason"
      required
      withAsterisk={false}
      minLength={3}
      maxLength={500}
      autosize
      minRows={2}
      maxRows={6}
      {...props}
    />
  );
}
