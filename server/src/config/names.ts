/** The three spellings of a configuration key: in code, in tallyman.yaml, in the environment. */
import { type ConfigurationKey, configuration } from '@tallyman/contract';

export type KeyName = {
  section: string;
  /** As declared: `trustedProxies`. */
  key: string;
  /** `http.trusted_proxies`. */
  yaml: string;
  /** `TALLYMAN_HTTP_TRUSTED_PROXIES`. */
  variable: string;
  declaration: ConfigurationKey;
};

export const variablePrefix = 'TALLYMAN_';
export const fileName = 'tallyman.yaml';

/** In the order of their declaration. */
export const keyNames: readonly KeyName[] = Object.entries(configuration).flatMap(([section, { keys }]) =>
  Object.entries(keys as Record<string, ConfigurationKey>).map(([key, declaration]) => ({
    section,
    key,
    yaml: `${section}.${snake(key)}`,
    variable: `${variablePrefix}${section}_${snake(key)}`.toUpperCase(),
    declaration,
  })),
);

function snake(camel: string): string {
  return camel.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
