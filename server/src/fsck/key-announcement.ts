/**
 * Which bodies announce a key of the log: few, and each body is asked. Apart, because the threads that ask most
 * (tile-roots.ts) load as little as they can.
 */
const announcement = '"type":"log.key.';
/** Part of it that hardly any other body holds: found an order of magnitude faster than what begins with a quote. */
const rarePart = '.key.';

export function announcesKey(body: string): boolean {
  return body.includes(announcement);
}

/** Whether any of the bodies does that lie in these bytes, one after another. */
export function holdsAnnouncement(bodies: Buffer): boolean {
  return bodies.includes(rarePart) && bodies.includes(announcement);
}
