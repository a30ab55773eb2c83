/** Colours, type and sizes. vite.config.ts turns them into a stylesheet at build time, so nothing is styled inline. */
import { createTheme, type MantineColorsTuple, rem } from '@mantine/core';

/** Deep sea: the one colour of what can be acted on. */
const ink: MantineColorsTuple = [
  '#eef6f7',
  '#dcebee',
  '#b7d6dc',
  '#8ebfc8',
  '#68a8b4',
  '#45909e',
  '#2b7584',
  '#1f5f6d',
  '#184c58',
  '#103a44',
];
const gray: MantineColorsTuple = [
  '#f7f8f8',
  '#eff1f2',
  '#e4e7e9',
  '#d5dadd',
  '#bcc4c8',
  '#919ca2',
  '#5f6b72',
  '#47525a',
  '#2f383e',
  '#1b2226',
];
const dark: MantineColorsTuple = [
  '#d9dfe2',
  '#b9c2c6',
  '#939ea4',
  '#6d7880',
  '#3c464c',
  '#2d363b',
  '#222a2e',
  '#171d20',
  '#12171a',
  '#0d1113',
];

export const theme = createTheme({
  primaryColor: 'ink',
  primaryShade: { light: 7, dark: 6 },
  colors: { ink, gray, dark },
  defaultRadius: 'sm',
  fontFamily:
    'ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", "DejaVu Sans", sans-serif',
  fontFamilyMonospace:
    'ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "Liberation Mono", "DejaVu Sans Mono", monospace',
  fontSizes: { xs: rem(12), sm: rem(13), md: rem(14), lg: rem(16), xl: rem(19) },
  headings: {
    fontWeight: '600',
    sizes: {
      h1: { fontSize: rem(22), lineHeight: '1.3' },
      h2: { fontSize: rem(16), lineHeight: '1.4' },
      h3: { fontSize: rem(14), lineHeight: '1.45' },
    },
  },
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: {
    // Their scroll lock writes a <style> element, which the page's policy forbids; their <header> is not the page's.
    Modal: {
      defaultProps: {
        lockScroll: false,
        attributes: { header: { role: 'presentation' } },
        centered: true,
        overlayProps: { backgroundOpacity: 0.45 },
        closeButtonProps: { 'aria-label': 'Close' },
      },
    },
    DrawerRoot: { defaultProps: { lockScroll: false, attributes: { header: { role: 'presentation' } } } },
    Button: { defaultProps: { size: 'sm' } },
    TextInput: { defaultProps: { size: 'sm' } },
  },
});
