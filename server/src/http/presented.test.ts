import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { parsePresented, sessionCookie } from './presented.ts';

const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

describe('parsePresented', () => {
  it('reads basic credentials, the secret from the first colon on', () => {
    assert.deepEqual(parsePresented({ authorization: basic('alice:pass:word') }), {
      kind: 'basic',
      username: 'alice',
      secret: 'pass:word',
    });
    assert.deepEqual(parsePresented({ authorization: basic('team+ci:ø') }), {
      kind: 'basic',
      username: 'team+ci',
      secret: 'ø',
    });
    assert.deepEqual(parsePresented({ authorization: basic(':') }), {
      kind: 'basic',
      username: '',
      secret: '',
    });
    assert.deepEqual(parsePresented({ authorization: basic('a:b').replace('Basic', 'bASIC') }), {
      kind: 'basic',
      username: 'a',
      secret: 'b',
    });
  });

  it('reads a bearer token', () => {
    assert.deepEqual(parsePresented({ authorization: 'Bearer abc.def' }), {
      kind: 'bearer',
      token: 'abc.def',
    });
    assert.deepEqual(parsePresented({ authorization: 'bearer   abc ' }), { kind: 'bearer', token: 'abc' });
  });

  it('reads the session cookie among others, and only without an Authorization header', () => {
    const cookie = `a=1; ${sessionCookie}=s3cret ; b=2`;
    assert.deepEqual(parsePresented({ cookie }), { kind: 'session', secret: 's3cret' });
    assert.deepEqual(parsePresented({ cookie, authorization: 'Bearer x' }), { kind: 'bearer', token: 'x' });
    assert.deepEqual(parsePresented({ cookie: `x${sessionCookie}=1; ${sessionCookie}` }), { kind: 'none' });
  });

  it('calls everything else malformed, not nobody', () => {
    const wrong = [
      '',
      'Basic',
      'Basic ',
      'Basic !!!!',
      basic('no colon'),
      'Digest a="b"',
      'Bearer',
      'Bearer a b',
      `Bearer ${'x'.repeat(9_000)}`,
    ];
    for (const authorization of wrong) {
      const scheme = authorization.startsWith('Basic') ? 'basic' : 'other';
      const expected = { kind: 'malformed', scheme };
      assert.deepEqual(parsePresented({ authorization }), expected, authorization.slice(0, 40));
    }
    assert.deepEqual(parsePresented({}), { kind: 'none' });
  });

  it('never throws', () => {
    for (let round = 0; round < 2_000; round++) {
      const noise = randomBytes(round % 64).toString('latin1');
      parsePresented({ authorization: noise });
      parsePresented({ authorization: `Basic ${noise}`, cookie: noise });
      parsePresented({ cookie: `${noise};${sessionCookie}=${noise}` });
    }
  });
});
