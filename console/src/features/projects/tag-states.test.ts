import { describe, expect, test } from 'vitest';
import { actText, secondAsked } from './tag-states.ts';

describe('the states of a tag', () => {
  test('are told with who made them and how', () => {
    const olivia = { kind: 'user', id: 'u1', name: 'olivia' } as const;
    expect(actText({ type: 'container.tag.move', how: 'push', by: olivia })).toBe('by olivia, with a push');
    expect(actText({ type: 'container.tag.delete', how: 'request', by: olivia })).toBe(
      'deleted by olivia, on request',
    );
    const erased = { kind: 'deploy_token', id: 't1', name: null } as const;
    expect(actText({ type: 'container.tag.create', how: 'retag', by: erased })).toBe(
      'by a deploy token whose name is not shown, by pointing it there',
    );
    const system = { kind: 'system', id: null, name: null } as const;
    expect(actText({ type: 'container.tag.delete', how: 'expiry', by: system })).toBe(
      'deleted by the server itself, as it expired',
    );
  });

  test('are asked for at the end of the second that the field holds', () => {
    const field = '2026-11-22T05:24:43';
    const nowMs = new Date(field).getTime();
    expect(secondAsked(field, nowMs + 1_000)).toMatch(/:43\.999999Z$/);
    expect(secondAsked(field, nowMs + 500)).toMatch(/:43\.000Z$/);
    expect(secondAsked('', nowMs)).toBeUndefined();
  });
});
