import { describe, expect, test } from 'vitest';
import { connectionFrom, demandSameOrigin, demandSignInHere, sessionCookie, setCookie } from './browser.ts';

const https = 'https://posthorn.example.com';
const from = (address: string, headers: Record<string, string>) => ({
  headers,
  socket: { remoteAddress: address },
});
const local = { host: 'localhost:8400' };

describe('G9: the connection that a request came by', () => {
  test.each([
    // A browser on this machine.
    ['127.0.0.1', local, null, 'plain'],
    ['::1', { host: '[::1]:8400' }, null, 'plain'],
    ['::ffff:127.0.0.1', { host: '127.0.0.1' }, 'http://localhost:8400', 'plain'],
    // Another machine, or another name for this one.
    ['192.0.2.1', local, null, 'insecure'],
    ['127.0.0.1', { host: 'posthorn.example.com' }, null, 'insecure'],
    ['127.0.0.1', {}, null, 'insecure'],
    // A proxy on this machine, which others come by.
    ['127.0.0.1', { ...local, 'x-forwarded-proto': 'https' }, null, 'insecure'],
    ['127.0.0.1', { ...local, 'x-forwarded-for': '192.0.2.1' }, null, 'insecure'],
    ['127.0.0.1', { ...local, forwarded: 'for=192.0.2.1' }, null, 'insecure'],
    ['127.0.0.1', { ...local, via: '1.1 proxy' }, null, 'insecure'],
    ['127.0.0.1', local, 'http://posthorn.example.com', 'insecure'],
    // TLS ends before this server, by what the operator says: headers only make it stricter.
    ['192.0.2.1', { host: 'posthorn.example.com' }, https, 'secure'],
    ['192.0.2.1', { host: 'posthorn.example.com', 'x-forwarded-proto': 'https, http' }, https, 'secure'],
    ['192.0.2.1', { host: 'posthorn.example.com', 'x-forwarded-proto': 'http' }, https, 'insecure'],
    ['192.0.2.1', { 'x-forwarded-proto': 'https' }, 'http://posthorn.example.com', 'insecure'],
  ] as const)('from %s with %j, known as %s: %s', (address, headers, origin, expected) => {
    expect(connectionFrom(from(address, headers), { origin, allowInsecure: false })).toBe(expected);
  });

  test('what is insecure is taken for plain if the operator allows it', () => {
    const reached = { origin: null, allowInsecure: true };
    expect(connectionFrom(from('192.0.2.1', {}), reached)).toBe('plain');
    expect(connectionFrom(from('192.0.2.1', {}), { ...reached, origin: https })).toBe('secure');
  });
});

describe('G9: cookies', () => {
  test('each connection has its own cookie, and an insecure one none', () => {
    expect(setCookie('secure', 'phs_a', 60)).toBe(
      '__Host-posthorn=phs_a; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure',
    );
    expect(setCookie('plain', '', 0)).toBe('posthorn=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict');
    expect(setCookie('insecure', 'phs_a', 60)).toBeNull();
  });

  test('a cookie of the other connection is not accepted: it can be set in transit over plain HTTP', () => {
    const both = 'a=1; posthorn=phs_plain;  __Host-posthorn=phs_secure; b';
    expect(sessionCookie(both, 'secure')).toBe('phs_secure');
    expect(sessionCookie(both, 'plain')).toBe('phs_plain');
    expect(sessionCookie(both, 'insecure')).toBeNull();
    expect(sessionCookie('posthorn=x', 'secure')).toBeNull();
    expect(sessionCookie(undefined, 'plain')).toBeNull();
  });
});

describe('G9: requests of other sites', () => {
  const reached = { origin: https, allowInsecure: false };
  const json = 'application/json';
  const verdictOf = (headers: Record<string, string>, connection: 'secure' | 'plain' = 'secure') => {
    try {
      demandSameOrigin(from('192.0.2.1', { host: 'h:1', ...headers }), connection, reached);
      return 'fine';
    } catch (error) {
      return (error as { code: string }).code;
    }
  };

  test.each([
    [{ 'sec-fetch-site': 'same-origin', 'content-type': json }, 'fine'],
    [{ 'sec-fetch-site': 'same-origin', 'content-type': 'application/json; charset=utf-8' }, 'fine'],
    [{ origin: https, 'content-type': json }, 'fine'],
    // What browsers send for other pages, and for other sites of the same domain.
    [{ 'sec-fetch-site': 'cross-site', origin: https, 'content-type': json }, 'cross_site'],
    [{ 'sec-fetch-site': 'same-site', 'content-type': json }, 'cross_site'],
    [{ 'sec-fetch-site': 'none', 'content-type': json }, 'cross_site'],
    [{ origin: 'https://evil.example', 'content-type': json }, 'cross_site'],
    [{ origin: 'http://h:1', 'content-type': json }, 'cross_site'],
    [{ origin: 'null', 'content-type': json }, 'cross_site'],
    // A browser says at least one of them.
    [{ 'content-type': json }, 'cross_site'],
    // What a form can send.
    [{ 'sec-fetch-site': 'same-origin' }, 'cross_site'],
    [{ 'sec-fetch-site': 'same-origin', 'content-type': 'text/plain' }, 'cross_site'],
    [{ 'sec-fetch-site': 'same-origin', 'content-type': 'application/jsonp' }, 'cross_site'],
  ])('%j is %s', (headers, expected) => {
    expect(verdictOf(headers)).toBe(expected);
  });

  test('over plain HTTP the origin is the host that was asked', () => {
    expect(verdictOf({ origin: 'http://h:1', 'content-type': json }, 'plain')).toBe('fine');
    expect(verdictOf({ origin: 'http://h:2', 'content-type': json }, 'plain')).toBe('cross_site');
  });

  test('a page of another site cannot sign a browser in', () => {
    const signIn = (headers: Record<string, string>) => () =>
      demandSignInHere(from('192.0.2.1', { host: 'h:1', ...headers }), 'secure', reached);
    expect(signIn({ 'sec-fetch-site': 'cross-site' })).toThrow(/page of this server/);
    expect(signIn({ origin: 'https://evil.example' })).toThrow(/page of this server/);
    // A program does not have a site.
    expect(signIn({})).not.toThrow();
  });
});
