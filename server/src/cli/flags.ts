/** Flags that several commands share. */
import type { FlagDeclaration } from './command.ts';

export const configFlag = {
  config: {
    value: 'FILE',
    description: 'Configuration file. Default: TALLYMAN_CONFIG, else ./tallyman.yaml if there is one.',
  },
} as const satisfies Record<string, FlagDeclaration>;

export const serverFlags = {
  url: { value: 'URL', description: 'The server. Default: TALLYMAN_URL, else http://127.0.0.1:8080.' },
} as const satisfies Record<string, FlagDeclaration>;

export const jsonFlag = {
  json: { description: 'One JSON object per line instead of text for people.' },
} as const satisfies Record<string, FlagDeclaration>;
