import { expect, test } from 'vitest';
import { agentName } from './agent-name.ts';

test('a user agent is told in one word', () => {
  expect(agentName('containers/5.34.2 (github.com/containers/image)')).toBe('containers');
  expect(agentName('docker/28.0 go/go1.25')).toBe('docker');
  expect(agentName('Mozilla/5.0 (X11; Linux x86_64; rv:148.0) Gecko/20100101 Firefox/148.0')).toBe('Firefox');
  expect(agentName('Mozilla/5.0 AppleWebKit/537.36 Chrome/148.0 Safari/537.36 Edg/148.0')).toBe('Edge');
  expect(agentName('Mozilla/4.0')).toBe('a browser');
  expect(agentName(undefined)).toBeUndefined();
});
