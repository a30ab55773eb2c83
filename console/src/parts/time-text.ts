/** Times as texts. Pure, so that a test can fix the zone. */

const two = (number: number): string => String(number).padStart(2, '0');

/** In the reader's zone: `2026-11-22` and `05:24:43`. */
export function localParts(at: string): { day: string; time: string } {
  const date = new Date(at);
  return {
    day: `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`,
    time: `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`,
  };
}

/** `2026-11-22 04:24:43.123456 UTC`: nothing of the recorded time is lost. */
export function formatUtc(at: string): string {
  return at.replace('T', ' ').replace('Z', ' UTC');
}

/** The value of a `datetime-local` field in the reader's zone. */
export function toLocalField(at: string | undefined): string {
  if (at === undefined || Number.isNaN(Date.parse(at))) return '';
  const { day, time } = localParts(at);
  return `${day}T${time}`;
}

/** What the API takes, from a `datetime-local` field; undefined when it is empty or no time. */
export function fromLocalField(value: string): string | undefined {
  const date = new Date(value);
  return value === '' || Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** Words of the contract as people read them: `access_token` is `access token`. */
export function inWords(name: string): string {
  return name.replaceAll('_', ' ');
}
