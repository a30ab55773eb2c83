/** The component library's buttons and anchors as links of the router: real addresses, opened without a reload. */
import { Anchor, type AnchorProps, Button, type ButtonProps } from '@mantine/core';
import { createLink } from '@tanstack/react-router';
import type { ComponentProps } from 'react';

type Attributes = Omit<ComponentProps<'a'>, 'style' | 'color'>;

function ButtonAnchor(props: ButtonProps & Attributes) {
  return <Button component="a" {...props} />;
}
function TextAnchor(props: AnchorProps & Attributes) {
  return <Anchor {...props} />;
}

export const ButtonLink = createLink(ButtonAnchor);
export const TextLink = createLink(TextAnchor);
