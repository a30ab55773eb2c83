import { describe, expect, test } from 'vitest';
import { formatQuery } from '../../api/client.ts';
import { formatSearch, parseSearch } from '../../app/search-params.ts';
import { filterOf, parseTrailSearch, questionOf } from './trail-search.ts';

describe('the trail’s address', () => {
  test('one value and several come to one shape, and go back to the same text', () => {
    const text =
      '?type=container.tag.&type=account.sign_in.refuse&ip=2001%3Adb8%3A%3A%2F32&from=2026-11-22T04%3A00%3A00Z';
    const search = parseTrailSearch(parseSearch(text));
    expect(search).toEqual({
      type: ['container.tag.', 'account.sign_in.refuse'],
      ip: ['2001:db8::/32'],
      from: '2026-11-22T04:00:00Z',
    });
    expect(formatSearch(search)).toBe(text);
  });

  test('digits stay text, unknown and empty parameters go', () => {
    expect(parseTrailSearch(parseSearch('?actor=123&actor=&colour=red&text=&cursor=a&event=b'))).toEqual({
      actor: ['123'],
      cursor: 'a',
      event: 'b',
    });
  });

  test('values the server would refuse are kept for it to refuse', () => {
    expect(parseTrailSearch(parseSearch('?reason=bad_mood'))).toEqual({ reason: ['bad_mood'] });
  });

  test('page and opened event are no part of the filter', () => {
    expect(filterOf({ actor: ['mara'], cursor: 'a', event: 'b' })).toEqual({ actor: ['mara'] });
  });

  test('a view names its namespace or project, whatever the address says', () => {
    const filter = { namespace: ['other'], outcome: ['denied'] };
    const question = questionOf({ kind: 'namespace', namespace: 'acme' }, filter);
    expect(formatQuery(question as Record<string, unknown>)).toBe(
      'view=namespace&namespace=acme&outcome=denied',
    );
    expect(questionOf({ kind: 'project', format: 'container', path: 'acme/app' }, {})).toEqual({
      view: 'project',
      project: ['acme/app'],
    });
  });
});
