import { describe, expect, test } from 'vitest';
import { Svix } from 'svix-v2';
import { apiKey } from '../integration/serving.ts';
import { anApp, at, fresh, raw, serverUrl } from './world.ts';

// What applications, endpoints, event types and messages take, and how what they do not take is refused.

const fault = (place: 'body' | 'query', field: string, text = '') => ({
  status: 422,
  body: {
    detail: [{ loc: [place, field], msg: expect.stringContaining(text) as string, type: 'value_error' }],
  },
});

export function describeFieldClashes(): void {
  describe('fields', () => {
    test('applications are tenants: their uid is the name, which is bounded, reserved once, and stays', async () => {
      const create = async (body: object, query = '') => await raw('POST', `/api/v1/app${query}`, { body });
      const uid = fresh('app');
      const made = await create({ name: 'One', uid });
      expect(made).toMatchObject({ status: 201, body: { uid, name: 'One', metadata: {} } });
      expect((await raw('GET', `/api/v1/app/${made.body.id}`)).body).toEqual(made.body);
      expect(await create({ name: 'Two', uid })).toMatchObject({ status: 409, body: { code: 'conflict' } });
      expect(await create({ name: 'Two', uid }, '?get_if_exists=true')).toMatchObject({
        status: 200,
        body: made.body,
      });
      expect((await create({ name: 'x', uid: 'a'.repeat(128) })).status).toBe(201);
      expect(await create({ name: 'x', uid: 'a'.repeat(129) })).toMatchObject(fault('body', 'uid', '128'));
      expect(await create({ name: 'x', uid: 'app_mine' })).toMatchObject(fault('body', 'uid', 'app_'));
      expect(await create({ name: 'x', uid: 'posthorn' })).toMatchObject(fault('body', 'uid', 'reserved'));
      expect(await create({ name: 'x', throttleRate: 5 })).toMatchObject(fault('body', 'throttleRate'));
      expect(await raw('PATCH', `/api/v1/app/${uid}`, { body: { uid: fresh('other') } })).toMatchObject(
        fault('body', 'uid', 'cannot be changed'),
      );
      const renamed = await raw('PATCH', `/api/v1/app/${uid}`, { body: { name: 'Renamed' } });
      expect(renamed.body).toMatchObject({ id: made.body.id, uid, name: 'Renamed' });
      // Without a uid the id is the name.
      const { body: nameless } = await create({ name: 'Nameless' });
      expect(nameless.id).toMatch(/^app_0[0-9A-Za-z]{26}$/);
      expect(nameless).not.toHaveProperty('uid');
      const sent = await raw('POST', `/api/v1/app/${nameless.id}/msg`, {
        body: { eventType: 'a.b', payload: {} },
      });
      expect(sent.status).toBe(202);
      // A deleted application leaves its uid.
      expect((await raw('DELETE', `/api/v1/app/${uid}`)).status).toBe(204);
      expect((await raw('GET', `/api/v1/app/${uid}`)).status).toBe(404);
      expect((await create({ name: 'Again', uid })).status).toBe(201);
    });

    test('a tenant that was used and never declared is not an application', async () => {
      const tenant = fresh('undeclared');
      await raw('POST', '/v1/events', { body: { tenant, type: 'a.b', data: {} } });
      expect((await raw('GET', `/api/v1/app/${tenant}`)).status).toBe(404);
      expect((await raw('PUT', `/api/v1/app/${tenant}`, { body: { name: 'Now' } })).status).toBe(201);
      expect((await raw('GET', `/api/v1/app/${tenant}/msg`)).body.data).toHaveLength(1);
    });

    test('endpoints: uids are unique in their application, and an id cannot be one', async () => {
      const [app, other] = [await anApp('uids'), await anApp('uids')];
      const body = { url: at('/uids'), uid: 'Same.uid_1' };
      expect((await app.call('POST', '/endpoint', body)).status).toBe(201);
      expect(await app.call('POST', '/endpoint', body)).toMatchObject({
        status: 409,
        body: { code: 'conflict' },
      });
      expect((await other.call('POST', '/endpoint', body)).status).toBe(201);
      expect(await app.call('POST', '/endpoint', { ...body, uid: 'ep_mine' })).toMatchObject(
        fault('body', 'uid', 'ep_'),
      );
      expect((await app.call('PUT', '/endpoint/by-put', { url: at('/uids') })).status).toBe(201);
      expect((await app.call('PUT', '/endpoint/by-put', { url: at('/uids') })).status).toBe(200);
      expect((await app.call('PUT', '/endpoint/ep_none', { url: at('/uids') })).status).toBe(404);
    });

    test('endpoints: at most 20 headers, whose values are write-only, and secrets of one scheme', async () => {
      const app = await anApp('headers');
      const create = async (fields: object) =>
        await app.call('POST', '/endpoint', { url: at('/headers'), ...fields });
      const headers = (count: number) =>
        Object.fromEntries(Array.from({ length: count }, (_, n) => [`x-${n}`, 'value']));
      const { body } = await create({ headers: headers(20) });
      const shown = await app.get(`/endpoint/${body.id}/headers`);
      expect(shown.body).toMatchObject({ headers: {}, sensitive: Object.keys(headers(20)) });
      expect(await create({ headers: headers(21) })).toMatchObject(fault('body', 'headers', '20'));
      const ed25519 = `whsk_${Buffer.alloc(64, 7).toString('base64')}`;
      expect(await create({ secret: ed25519 })).toMatchObject(fault('body', 'secret', 'whsec_'));
    });

    test('event types of an endpoint: none is all, unknown ones are accepted, a pattern of Posthorn’s own is shown as it is', async () => {
      const app = await anApp('types');
      const created = async (fields: object) => await app.endpoint({ url: at('/types'), ...fields });
      for (const fields of [{}, { eventTypes: null }, { eventTypes: [] }, { filterTypes: null }])
        expect(await created(fields)).toMatchObject({ eventTypes: null, filterTypes: null });
      const unknown = [fresh('never.declared')];
      expect(await created({ eventTypes: unknown })).toMatchObject({ eventTypes: unknown });
      const { body } = await app.own('POST', '/v1/endpoints', {
        tenant: app.uid,
        url: at('/types'),
        event_types: ['payment.*'],
      });
      expect((await app.get(`/endpoint/${body.id}`)).body).toMatchObject({ eventTypes: ['payment.*'] });
      await app.call('PATCH', `/endpoint/${body.id}`, { eventTypes: null });
      const own = await app.own('GET', `/v1/endpoints/${body.id}`);
      expect(own.body).toMatchObject({ event_types: ['*'] });
    });

    test('event type names: parts joined by dots; an empty part is refused everywhere', async () => {
      const app = await anApp('type-names');
      for (const name of ['plain', 'with-dash_and.dots.2', 'A.b', 'x'.repeat(256)])
        expect(await app.call('POST', '/msg', { eventType: name, payload: {} })).toMatchObject({
          status: 202,
        });
      for (const name of ['.a', 'a.', 'a..b', '', 'a b', 'a/b', 'x'.repeat(257)]) {
        expect(await app.call('POST', '/msg', { eventType: name, payload: {} })).toMatchObject(
          fault('body', 'eventType'),
        );
        expect(await raw('POST', '/api/v1/event-type', { body: { name, description: '' } })).toMatchObject(
          fault('body', 'name'),
        );
        expect((await app.call('POST', '/endpoint', { url: at('/x'), eventTypes: [name] })).status).toBe(422);
      }
    });

    test('throttleRate: a whole number from 1 to 65,535; a fraction of Posthorn’s own is rounded up, null is none', async () => {
      const app = await anApp('throttle');
      const { body } = await app.call('POST', '/endpoint', {
        url: at('/throttle'),
        uid: 'e',
        throttleRate: 5,
      });
      expect(body).toMatchObject({ throttleRate: 5, rateLimit: 5 });
      const own = async (rate: number | null) =>
        await app.own('PATCH', `/v1/endpoints/${body.id}`, { rate_limit_per_s: rate });
      for (const [rate, shown] of [
        [0.01, 1],
        [2.5, 3],
        [70_000, 65_535],
        [null, null],
      ] as const) {
        expect((await own(rate)).status).toBe(200);
        expect((await app.get('/endpoint/e')).body).toMatchObject({ throttleRate: shown, rateLimit: shown });
      }
      await own(7);
      await app.call('PATCH', '/endpoint/e', { throttleRate: null });
      expect((await app.own('GET', `/v1/endpoints/${body.id}`)).body).toMatchObject({
        rate_limit_per_s: null,
      });
      for (const throttleRate of [0, 1.5, 65_536])
        expect(await app.call('PATCH', '/endpoint/e', { throttleRate })).toMatchObject(
          fault('body', 'throttleRate'),
        );
    });

    test('payloadRetentionPeriod: accepted if this server keeps payloads no longer, payloadRetentionHours never', async () => {
      const app = await anApp('retention');
      const send = async (fields: object) =>
        await app.call('POST', '/msg', { eventType: 'a.b', payload: {}, ...fields });
      // Dead letters are kept for 90 days.
      expect((await send({ payloadRetentionPeriod: 90 })).status).toBe(202);
      expect((await send({ payloadRetentionPeriod: null })).status).toBe(202);
      for (const payloadRetentionPeriod of [30, 89])
        expect(await send({ payloadRetentionPeriod })).toMatchObject(
          fault('body', 'payloadRetentionPeriod', 'at least 90 days'),
        );
      for (const payloadRetentionPeriod of [4, 91])
        expect(await send({ payloadRetentionPeriod })).toMatchObject(fault('body', 'payloadRetentionPeriod'));
      expect(await send({ payloadRetentionHours: 24 })).toMatchObject(fault('body', 'payloadRetentionHours'));
    });

    test('the same eventId: 409 only if the idempotency key and the body differ', async () => {
      const app = await anApp('event-id');
      const svix = new Svix(apiKey, { serverUrl: serverUrl() });
      const eventId = fresh('order');
      const send = async (n: number, idempotencyKey?: string) =>
        await svix.message.create(
          app.uid,
          { eventType: 'a.b', eventId, payload: { n } },
          idempotencyKey === undefined ? {} : { idempotencyKey },
        );
      const first = await send(1, 'key-1');
      // The same body, under another key and under one that the client makes.
      expect((await send(1, 'key-2')).id).toBe(first.id);
      expect((await send(1)).id).toBe(first.id);
      // Another body under the same key.
      expect(await send(2, 'key-1')).toEqual(first);
      await expect(send(2, 'key-3')).rejects.toMatchObject({ code: 409, body: { code: 'conflict' } });
      await expect(send(2)).rejects.toMatchObject({ code: 409 });
      expect((await app.get('/msg')).body.data).toHaveLength(1);
      expect((await app.get(`/msg/${eventId}`)).body.payload).toEqual({ n: 1 });
    });

    test('rotation: as many former secrets as sign may be, then limit_reached', async () => {
      const app = await anApp('rotation');
      await app.endpoint({ uid: 'e', url: at('/rotation') });
      const rotate = async (body: object) => await app.call('POST', '/endpoint/e/secret/rotate', body);
      let rotated = 0;
      for (; rotated < 50 && (await rotate({ gracePeriodSeconds: 60 })).status === 200; rotated++);
      expect(rotated).toBeGreaterThanOrEqual(10);
      expect(await rotate({ gracePeriodSeconds: 60 })).toMatchObject({
        status: 400,
        body: { code: 'limit_reached', detail: expect.stringContaining('gracePeriodSeconds: 0') as string },
      });
      expect((await rotate({ gracePeriodSeconds: 0 })).status).toBe(200);
      expect(await rotate({ gracePeriodSeconds: 604_801 })).toMatchObject(
        fault('body', 'gracePeriodSeconds'),
      );
    });

    test('errors: JSON of {code, detail}, a list for 422, and the status of each kind', async () => {
      const app = await anApp('errors');
      await app.endpoint({ uid: 'e', url: at('/errors') });
      const { body: reader } = await raw('POST', `/api/v1/auth/app-portal-access/${app.uid}`, {
        body: { readOnly: true },
      });
      const message = (text: string) => ({ method: 'POST', path: `app/${app.uid}/msg`, body: text });
      const get = (path: string) => ({ method: 'GET', path });
      const cases: readonly [
        number,
        string,
        { method: string; path: string; body?: unknown; key?: string | null },
      ][] = [
        [401, 'authentication_failed', { ...get('app'), key: null }],
        [401, 'authentication_failed', { ...get('app'), key: 'phk_wrong' }],
        [403, 'insufficient access', { ...get('app'), key: reader.token }],
        [404, 'not_found', get('app/nobody')],
        [404, 'not_found', get(`app/${app.uid}/endpoint/none`)],
        [404, 'not_found', get(`app/${app.uid}/msg/none`)],
        [404, 'not_found', get('background-task/qtask_none')],
        [404, 'not_found', get('environment/export')],
        [404, 'not_found', { method: 'DELETE', path: 'app' }],
        [409, 'conflict', { method: 'POST', path: 'app', body: { name: 'x', uid: app.uid } }],
        [413, 'payload_too_large', message(`{"eventType":"a.b","payload":{"x":"${'x'.repeat(300_000)}"}}`)],
        [422, '', message('{"eventType":"a.b"}')],
        [422, '', message('{"eventType":"a.b","payload":"text"}')],
        [422, '', message('{"eventType":"a.b","payload":[1]}')],
        [422, '', get(`app/${app.uid}/msg?limit=251`)],
        [422, '', get(`app/${app.uid}/msg?before=yesterday`)],
        [422, '', get(`app/${app.uid}/msg?iterator=made-up`)],
        [422, '', { method: 'PATCH', path: `app/${app.uid}/endpoint/e/transformation`, body: { code: 'x' } }],
      ];
      for (const [status, code, { method, path, body, key }] of cases) {
        const answer = await raw(method, `/api/v1/${path}`, {
          ...(body === undefined ? {} : { body }),
          ...(key === undefined ? {} : { key }),
        });
        const what = `${method} ${path}: ${answer.text.slice(0, 200)}`;
        expect(answer.status, what).toBe(status);
        expect(answer.headers.get('content-type'), what).toMatch(/^application\/json(;|$)/);
        expect(answer.body, what).toEqual(
          status === 422
            ? {
                detail: expect.arrayContaining([expect.objectContaining({ type: 'value_error' })]) as unknown,
              }
            : { code, detail: expect.stringMatching(/\w/) as string },
        );
      }
      // Text that is not JSON.
      const broken = await raw('POST', '/api/v1/app', { body: '{"name":' });
      expect(broken.status).toBeGreaterThanOrEqual(400);
      expect(broken.status).toBeLessThan(500);
      expect(broken.body).toHaveProperty('detail');
    });
  });
}
