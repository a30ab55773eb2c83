/** Looks at certificate and key before anything is opened, so that a wrong path is told as a wrong setting. */
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { type Config, ConfigError, type ConfigProblem } from '../config/config.ts';

/** Throws ConfigError. */
export function requireUsableTls(tls: Config['tls']): void {
  if (tls === undefined) return;
  const problems = [tryRead('tls.cert', tls.certPath), tryRead('tls.key', tls.keyPath)].filter(
    (one) => one !== undefined,
  );
  if (problems.length === 0 && !belongTogether(tls)) {
    problems.push({
      key: 'tls.cert',
      source: tls.certPath,
      message: 'is no certificate in PEM that belongs to tls.key',
    });
  }
  if (problems.length > 0) throw new ConfigError(problems);
}

function tryRead(key: string, path: string): ConfigProblem | undefined {
  try {
    readFileSync(path);
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return { key, source: path, message: `cannot be read (${code ?? 'unknown'})` };
  }
}

function belongTogether({ certPath, keyPath }: NonNullable<Config['tls']>): boolean {
  try {
    createSecureContext({ cert: readFileSync(certPath), key: readFileSync(keyPath) });
    return true;
  } catch {
    return false;
  }
}
