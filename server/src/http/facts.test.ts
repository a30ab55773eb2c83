import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { manualClock } from '../stdx/clock.ts';
import { clientAddress, isLoopback, parseTrustedProxies, requestFacts, sourceOf } from './facts.ts';

const from = (remoteAddress: string | undefined, forwarded?: string) => ({
  method: 'GET',
  remoteAddress,
  headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
});

describe('clientAddress', () => {
  it('is the socket’s, whatever is forwarded, when no proxy is trusted', () => {
    for (const forged of ['1.2.3.4', '127.0.0.1', '::1', 'unknown', '1.2.3.4, 5.6.7.8', ', ,', '\u0000']) {
      assert.equal(clientAddress(from('203.0.113.9', forged), []), '203.0.113.9', forged);
    }
  });

  it('is the socket’s when the socket is not a trusted proxy', () => {
    const trusted = parseTrustedProxies(['10.0.0.0/8']);
    assert.equal(clientAddress(from('203.0.113.9', '1.2.3.4'), trusted), '203.0.113.9');
  });

  it('is the right-most hop that is no trusted proxy, so that what the client itself wrote is not believed', () => {
    const trusted = parseTrustedProxies(['10.0.0.0/8', '192.0.2.1', 'fd00::/8']);
    const cases: [string, string | undefined, string][] = [
      ['10.0.0.1', '198.51.100.7', '198.51.100.7'],
      ['10.0.0.1', '1.1.1.1, 198.51.100.7', '198.51.100.7'],
      ['10.0.0.1', '1.1.1.1, 198.51.100.7, 10.1.1.1, 192.0.2.1', '198.51.100.7'],
      ['fd00::1', '2001:db8::5', '2001:db8::5'],
      ['10.0.0.1', undefined, '10.0.0.1'],
      ['10.0.0.1', 'garbage', '10.0.0.1'],
      ['10.0.0.1', '198.51.100.7, garbage', '10.0.0.1'],
      // Texts that lenient parsers take for addresses.
      ['10.0.0.1', '2130706433', '10.0.0.1'],
      ['10.0.0.1', '0x7f.1', '10.0.0.1'],
      ['10.0.0.1', '10.9.9.9', '10.9.9.9'],
    ];
    for (const [socket, forwarded, expected] of cases) {
      assert.equal(clientAddress(from(socket, forwarded), trusted), expected, `${socket} ${forwarded}`);
    }
  });

  it('writes IPv4 in IPv6 as IPv4, and nothing for no address', () => {
    assert.equal(clientAddress(from('::ffff:198.51.100.7'), []), '198.51.100.7');
    assert.equal(clientAddress(from(undefined), []), '');
    assert.equal(
      clientAddress(from('::ffff:10.0.0.1', '198.51.100.7'), parseTrustedProxies(['10.0.0.0/8'])),
      '198.51.100.7',
    );
  });

  it('keeps being right when more addresses come than are remembered', () => {
    for (let n = 0; n < 10_000; n++) {
      const address = `198.18.${n >> 8}.${n & 255}`;
      assert.equal(clientAddress(from(address), []), address);
    }
  });
});

describe('sourceOf', () => {
  it('is the address of IPv4 and the /64 of IPv6', () => {
    assert.equal(sourceOf('198.51.100.7'), '198.51.100.7');
    assert.equal(sourceOf('2001:db8:1:2:3:4:5:6'), '2001:db8:1:2::/64');
    assert.equal(sourceOf('2001:db8:1:2::9'), sourceOf('2001:db8:1:2:ffff::'));
    assert.notEqual(sourceOf('2001:db8:1:2::'), sourceOf('2001:db8:1:3::'));
    assert.equal(sourceOf(''), '');
  });
});

describe('isLoopback', () => {
  it('knows the loopback of both families and nothing else', () => {
    for (const yes of ['127.0.0.1', '127.8.9.1', '::1', '::ffff:127.0.0.1'])
      assert.equal(isLoopback(yes), true, yes);
    for (const no of ['', '10.0.0.1', '::2', 'localhost', '::ffff:10.0.0.1'])
      assert.equal(isLoopback(no), false, no);
  });
});

describe('requestFacts', () => {
  it('holds what there is and leaves out what there is not', () => {
    const clock = manualClock();
    const raw = { method: 'PUT', remoteAddress: '198.51.100.7', headers: { 'user-agent': 'skopeo/1.18' } };
    const { id, ...rest } = requestFacts(raw, { clock, trusted: [], route: '/v2/*' });
    assert.match(id, /^[0-9a-f-]{36}$/);
    assert.deepEqual(rest, {
      ip: '198.51.100.7',
      method: 'PUT',
      protocol: 'http',
      route: '/v2/*',
      userAgent: 'skopeo/1.18',
    });
    const bare = requestFacts(
      { method: 'GET', remoteAddress: undefined, headers: {} },
      { clock, trusted: [] },
    );
    assert.deepEqual({ ...bare, id: '' }, { id: '', method: 'GET', protocol: 'http' });
  });
});
