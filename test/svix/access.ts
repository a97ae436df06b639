import { describe, expect, test } from 'vitest';
import { at, fresh, raw } from './world.ts';

// Who may do what, and what no request may cause.

export function describeAccess(): void {
  describe('access (G9)', () => {
    test('every route refuses no key, a wrong key, and a key of another application', async () => {
      const { routes } = await import('../../packages/posthorn/src/svix/routes.ts');
      const [own, foreign] = [fresh('access-own'), fresh('access-foreign')];
      for (const uid of [own, foreign]) await raw('POST', '/api/v1/app', { body: { name: uid, uid } });
      const { body: endpoint } = await raw('POST', `/api/v1/app/${foreign}/endpoint`, {
        body: { url: at('/f') },
      });
      const { body: message } = await raw('POST', `/api/v1/app/${foreign}/msg`, {
        body: { eventType: 'a.b', payload: { canary: 'foreign-data' } },
      });
      const { body: access } = await raw('POST', `/api/v1/auth/app-portal-access/${own}`, { body: {} });
      const { body: reading } = await raw('POST', `/api/v1/auth/app-portal-access/${foreign}`, {
        body: { readOnly: true },
      });
      for (const { method, path, orgOnly, scope } of routes) {
        const url = `/api/v1/${path
          .replace('{app}', foreign)
          .replace('{endpoint}', endpoint.id)
          .replace('{message}', message.id)
          .replace('{attempt}', 'atmpt_00000000001000001')
          .replace('{type}', 'a.b')
          .replace('{task}', 'qtask_rdr_x')}`;
        const body = method === 'GET' || method === 'DELETE' ? {} : { body: {} };
        // An address that fails often has to wait.
        expect([401, 429], url).toContain((await raw(method, url, { key: null, ...body })).status);
        const other = await raw(method, url, { key: access.token, ...body });
        if (path.includes('{app}')) expect([403, 404, 422], `${method} ${url}`).toContain(other.status);
        if (orgOnly === true) expect(other.status, `${method} ${url}`).toBe(403);
        expect(other.text).not.toContain('foreign-data');
        expect(other.text).not.toContain('whsec_');
        if (scope !== 'read')
          expect((await raw(method, url, { key: reading.token, ...body })).status, url).toBe(403);
      }
      expect([401, 429]).toContain((await raw('GET', `/api/v1/app/${own}`, { key: 'phk_wrong' })).status);
    });

    test('mutated requests are refused, never a 5xx', async () => {
      const app = fresh('mutated');
      await raw('POST', '/api/v1/app', { body: { name: app, uid: app } });
      const values = [null, 0, -1, '', [], {}, true, '\u0000', 'x'.repeat(5000), [null], { a: {} }, '\ud800'];
      const seeds: readonly [string, string, Record<string, unknown>][] = [
        ['POST', '/api/v1/app', { name: 'n', uid: 'u', metadata: {} }],
        ['PATCH', `/api/v1/app/${app}`, { name: 'n', uid: 'u', metadata: {} }],
        [
          'POST',
          `/api/v1/app/${app}/endpoint`,
          {
            url: at('/m'),
            uid: 'u',
            channels: [],
            metadata: {},
            secret: 's',
            headers: {},
            eventTypes: [],
            throttleRate: 1,
          },
        ],
        [
          'POST',
          `/api/v1/app/${app}/msg`,
          { eventType: 'a.b', eventId: 'e', payload: {}, application: {}, payloadRetentionPeriod: 1 },
        ],
        ['POST', '/api/v1/event-type', { name: 'a.b', description: 'd', schemas: {}, featureFlags: [] }],
        ['POST', `/api/v1/auth/app-portal-access/${app}`, { expiry: 1, sessionId: 's', application: {} }],
      ];
      for (const [method, path, body] of seeds)
        for (const field of Object.keys(body)) {
          const answers = await Promise.all(
            values.map((value) => raw(method, path, { body: { ...body, [field]: value } })),
          );
          for (const [n, { status }] of answers.entries())
            expect(status, `${method} ${path} ${field} ${String(n)}`).toBeLessThan(500);
        }
      for (const query of [
        'limit=x',
        'iterator=%00',
        'iterator=abc',
        'order=up',
        'before=now',
        'event_types[]=%20',
      ])
        expect((await raw('GET', `/api/v1/app/${app}/msg?${query}`)).status, query).toBeLessThan(500);
      for (const path of [
        '/api/v1',
        '/api/v1/',
        '/api/v1/app/%ff',
        '/api/v1/app//msg',
        '/api/v1/app/%2e%2e/msg',
      ])
        expect((await raw('GET', path)).status, path).toBeLessThan(500);
    });
  });
}
