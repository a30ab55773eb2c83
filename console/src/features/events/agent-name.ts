/** A user agent in one word, for a narrow column; the whole of it stands in the event. */

/** Browsers name their ancestors too; the first of these that is there is who it is. */
const browsers = ['Edg', 'OPR', 'Firefox', 'Chrome', 'Safari'] as const;
const longNames: Readonly<Record<string, string>> = { Edg: 'Edge', OPR: 'Opera' };

export function agentName(userAgent: string | undefined): string | undefined {
  if (userAgent === undefined) return undefined;
  if (!userAgent.startsWith('Mozilla/')) return userAgent.split(/[\s/]/)[0];
  const browser = browsers.find((name) => userAgent.includes(`${name}/`));
  return browser === undefined ? 'a browser' : (longNames[browser] ?? browser);
}
