/** The environment of a program that a command runs: this one's own, and what only that program may know. */

export function childEnvironment(more: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  return { ...process.env, ...more };
}
