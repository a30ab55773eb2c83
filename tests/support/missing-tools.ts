/**
 * One rule for tools a test needs but a machine may lack: a failure under CI=true, a loud skip elsewhere.
 * A suite that silently skips its real clients would prove nothing, so the skip is printed once per process.
 */

const announced = new Set<string>();

export function isCi(): boolean {
  return process.env.CI === 'true' || process.env.CI === '1';
}

/**
 * The value for node:test's `skip` option. `undefined` or an empty list means nothing is missing.
 * Under CI it is `false` even when something is missing, so that the test runs and fails with the tool's own error.
 */
export function skipWhenMissing(missing: readonly string[]): string | false {
  if (missing.length === 0 || isCi()) return false;
  const text = `missing on this machine: ${missing.join(', ')} (as root, scripts/install-test-clients.sh installs it)`;
  if (!announced.has(text)) {
    announced.add(text);
    process.stderr.write(`SKIPPED TESTS: ${text}\n`);
  }
  return text;
}
