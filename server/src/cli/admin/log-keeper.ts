/** What `tallyman admin log-key` can do, whichever way it does it. */

export type LogKeyState = { origin: string; key: string };

export interface LogKeeper extends AsyncDisposable {
  show(): Promise<LogKeyState>;
  rotate(): Promise<LogKeyState>;
  create(origin: string): Promise<LogKeyState>;
}
