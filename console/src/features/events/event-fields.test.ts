import type { ShownEvent } from '@tallyman/contract';
import { describe, expect, test } from 'vitest';
import { fieldGroups } from './event-fields.ts';

const event: ShownEvent = {
  v: 1,
  index: 7,
  id: '019e8a11-0000-7000-8000-000000000007',
  type: 'account.sign_in.refuse',
  version: 1,
  occurredAt: '2026-11-22T04:24:43.123456Z',
  recordedAt: '2026-11-22T04:24:43.123460Z',
  outcome: 'denied',
  actor: { kind: 'user', id: 'u1', proven: false },
  credential: { kind: 'password', scopes: [] },
  scope: {},
  request: { id: 'r1', protocol: 'http' },
  details: { surface: 'console', attempted: { action: 'sign_in' }, 'odd/key': null },
  title: 'Sign-in refused',
  sentence: 'A sign-in was refused',
  severity: 'warning',
  withheld: ['/actor/name', '/request/ip', '/details/typedName', '/reason', '/scope/project'],
};

const fields = () => fieldGroups(event).flatMap((group) => group.fields);
const field = (pointer: string) => fields().find((one) => one.pointer === pointer);

describe('every field of an event', () => {
  test('is listed once, nested ones by their pointer', () => {
    const pointers = fields().map(({ pointer }) => pointer);
    expect(new Set(pointers).size).toBe(pointers.length);
    expect(field('/details/attempted/action')).toMatchObject({ label: 'Attempted action', value: 'sign_in' });
    expect(field('/actor/proven')?.value).toBe('no');
    expect(field('/credential/scopes')?.value).toBe('none');
    expect(field('/details/odd~1key')).toMatchObject({ label: 'Odd/key', value: 'none' });
    expect(field('/index')?.value).toBe('7');
  });

  test('is told apart when it was erased and when it may only be withheld', () => {
    expect(field('/actor/name')?.state).toBe('erased');
    expect(field('/request/ip')?.state).toBe('withheld');
    expect(field('/details/typedName')?.state).toBe('withheld');
    expect(field('/reason')?.state).toBe('withheld');
    expect(field('/scope/project')?.state).toBe('withheld');
  });
});
