import { beforeAll, describe, expect, test } from 'vitest';
import { maxDataBytes } from '../../packages/posthorn/src/contract/limits.ts';
import { apiKey } from '../integration/serving.ts';
import { until } from '../support.ts';
import { at, failing, fresh, raw, receivedAt, serverUrl } from './world.ts';

// Where the models of Svix and Posthorn differ.

export function describeModelClashes(): void {
  describe('clashes of the models', () => {
    const app = 'clashes';
    beforeAll(async () => {
      await raw('POST', '/api/v1/app', { body: { name: app, uid: app } });
    });
    const send = (body: object, headers = {}) => raw('POST', `/api/v1/app/${app}/msg`, { body, headers });

    test('payloads are sent byte for byte', async () => {
      const path = `/${fresh('bytes')}`;
      await raw('POST', `/api/v1/app/${app}/endpoint`, {
        body: { url: at(path), eventTypes: ['bytes.sent'] },
      });
      const payload = '{"b": 12345678901234567890, "a":  1.0, "text": "\\u0000"}';
      const { body, text } = await raw('POST', `/api/v1/app/${app}/msg`, {
        body: `{"eventType":"bytes.sent","payload":${payload}}`,
      });
      expect(text).toContain(payload);
      await until('it is delivered', () => receivedAt(path).length === 1);
      expect(receivedAt(path)[0]!.body.toString()).toBe(payload);
      expect((await raw('GET', `/api/v1/app/${app}/msg/${body.id}`)).text).toContain(payload);
      expect((await raw('GET', `/api/v1/app/${app}/msg/${body.id}?with_content=false`)).body.payload).toEqual(
        {},
      );
    });

    test('several payloads are expunged by one call; one that is still to be delivered is not', async () => {
      const path = `/${fresh('expunge')}`;
      await raw('POST', `/api/v1/app/${app}/endpoint`, {
        body: { url: at(path), eventTypes: ['expunge.slow'] },
      });
      failing.add(path);
      const { body: idle } = await send({ eventType: 'expunge.idle', payload: { n: 1 } });
      const { body: slow } = await send({ eventType: 'expunge.slow', payload: { n: 2 } });
      const expunge = (body: object) => raw('POST', `/api/v1/app/${app}/msg/bulk-expunge`, { body });
      expect(await expunge({ ids: [idle.id, 'none'] })).toMatchObject({
        status: 200,
        body: { results: { [idle.id]: 'expunged', none: 'not-found' } },
      });
      expect(await expunge({ ids: [slow.id] })).toMatchObject({ status: 409, body: { code: 'conflict' } });
      expect((await expunge({})).status).toBe(422);
      const payload = async (id: string) => (await raw('GET', `/api/v1/app/${app}/msg/${id}`)).body.payload;
      expect([await payload(idle.id), await payload(slow.id)]).toEqual([{ expired: true }, { n: 2 }]);
    });

    test('a payload above the limit is refused with 413 and its reason, and nothing is stored; at the limit it is accepted', async () => {
      const uid = fresh('large');
      await raw('POST', '/api/v1/app', { body: { name: uid, uid } });
      const post = (bytes: number) => {
        const payload = { text: 'x'.repeat(bytes - '{"text":""}'.length) };
        return raw('POST', `/api/v1/app/${uid}/msg`, { body: { eventType: 'a.b', payload } });
      };
      expect((await post(maxDataBytes)).status).toBe(202);
      // One byte more, what Svix would take, and what no server should read.
      for (const bytes of [maxDataBytes + 1, 350_000, 3_000_000])
        expect(await post(bytes), String(bytes)).toMatchObject({
          status: 413,
          body: { code: 'payload_too_large', detail: expect.any(String) as string },
        });
      expect((await raw('GET', `/api/v1/app/${uid}/msg`)).body.data).toHaveLength(1);
    });

    test('lists go backward by prevIterator: the pages that were before, in their order', async () => {
      const uid = fresh('back');
      await raw('POST', '/api/v1/app', { body: { name: uid, uid } });
      const path = `/${uid}`;
      await raw('POST', `/api/v1/app/${uid}/endpoint`, { body: { url: at(path), uid: 'e' } });
      for (let n = 0; n < 4; n++) {
        await raw('POST', `/api/v1/app/${uid}/msg`, { body: { eventType: 'a.b', payload: { n } } });
        await raw('POST', `/api/v1/app/${uid}/endpoint`, {
          body: { url: at('/none'), eventTypes: ['never.sent'] },
        });
        await raw('POST', '/api/v1/event-type', { body: { name: `${uid}.t${n}`, description: '' } });
      }
      await until('all are delivered', () => receivedAt(path).length === 4);
      const attempts = `/api/v1/app/${uid}/attempt/endpoint/e`;
      await until('all are listed', async () => (await raw('GET', attempts)).body.data.length === 4);
      interface Page {
        readonly data: readonly { readonly id?: string; readonly name?: string }[];
        readonly iterator: string | null;
        readonly prevIterator: string | null;
        readonly done: boolean;
      }
      const page = async (list: string, iterator: string | null): Promise<Page> => {
        const query = iterator === null ? '' : `&iterator=${encodeURIComponent(iterator)}`;
        const { body, status, text } = await raw(
          'GET',
          `${list}${list.includes('?') ? '&' : '?'}limit=2${query}`,
        );
        expect(status, text).toBe(200);
        return body as unknown as Page;
      };
      // A page may be short before the end, on a slow machine.
      const walk = async (
        list: string,
        from: string | null,
        next: 'iterator' | 'prevIterator',
      ): Promise<Page[]> => {
        const pages = [await page(list, from)];
        while (!pages.at(-1)!.done) pages.push(await page(list, pages.at(-1)![next]));
        return pages;
      };
      const itemsOf = (pages: readonly Page[]) => pages.flatMap(({ data }) => data);
      for (const list of [
        '/api/v1/app',
        `/api/v1/app/${uid}/endpoint`,
        `/api/v1/app/${uid}/endpoint?order=ascending`,
        `/api/v1/app/${uid}/msg`,
        `/api/v1/app/${uid}/endpoint/e/msg`,
        attempts,
        `${attempts}?order=ascending`,
        '/api/v1/event-type',
      ]) {
        const forward = await walk(list, null, 'iterator');
        expect(forward[0]!.prevIterator, list).toBe(null);
        const items = itemsOf(forward);
        const last = forward.findLast(({ data }) => data.length > 0)!;
        expect(items.length, list).toBeGreaterThan(last.data.length);
        const backward = await walk(list, last.prevIterator, 'prevIterator');
        expect(itemsOf(backward.toReversed()), list).toEqual(items.slice(0, -last.data.length));
        expect(backward.at(-1)!.prevIterator, list).toBe(null);
        // And forward again from there.
        const before = backward.find(({ data }) => data.length > 0)!;
        expect(itemsOf(await walk(list, before.iterator, 'iterator')), list).toEqual(last.data);
      }
    });

    test('the same idempotency key: the same answer, whatever the body', async () => {
      const headers = { 'idempotency-key': fresh('key') };
      const first = await send({ eventType: 'a.b', payload: { n: 1 } }, headers);
      expect(await send({ eventType: 'a.b', payload: { n: 2 } }, headers)).toMatchObject({
        status: 202,
        body: first.body,
      });
      const list = await raw('GET', `/api/v1/app/${app}/msg?limit=250`);
      expect(list.body.data.filter(({ id }: { id: string }) => id === first.body.id)).toHaveLength(1);
    });

    test('the same idempotency key while the first request is in work: 423, and one endpoint', async () => {
      const uid = fresh('locked');
      await raw('POST', '/api/v1/app', { body: { name: uid, uid } });
      const create = (key: string) =>
        raw('POST', `/api/v1/app/${uid}/endpoint`, {
          body: { url: at('/locked') },
          headers: { 'idempotency-key': key },
        });
      let keys = 0;
      await until('one comes while another is in work', async () => {
        const key = fresh('key');
        keys++;
        const answers = await Promise.all(Array.from({ length: 8 }, () => create(key)));
        const made = answers.filter(({ status }) => status === 201);
        const locked = answers.filter(({ status }) => status === 423);
        expect(made.length + locked.length).toBe(answers.length);
        expect(new Set(made.map(({ text }) => text)).size).toBe(1);
        for (const { body } of locked) expect(body).toMatchObject({ code: 'locked' });
        return locked.length > 0;
      });
      expect((await raw('GET', `/api/v1/app/${uid}/endpoint`)).body.data).toHaveLength(keys);
    });

    test('secrets of up to 75 bytes, with their prefix or without, and headers of up to 4,096 characters', async () => {
      const create = (body: object) =>
        raw('POST', `/api/v1/app/${app}/endpoint`, { body: { url: at('/long'), ...body } });
      for (const bytes of [24, 65, 75]) {
        const secret = Buffer.alloc(bytes, 7).toString('base64');
        const { body } = await create({ secret });
        const shown = await raw('GET', `/api/v1/app/${app}/endpoint/${body.id}/secret`);
        expect(shown.body).toEqual({ key: `whsec_${secret}` });
      }
      for (const bytes of [23, 76])
        expect((await create({ secret: Buffer.alloc(bytes).toString('base64') })).status).toBe(422);
      expect((await create({ headers: { 'x-long': 'a'.repeat(4096) } })).status).toBe(201);
      expect((await create({ headers: { 'x-long': 'a'.repeat(4097) } })).status).toBe(422);
    });

    test('what Posthorn would have to ignore is refused', async () => {
      const message = { eventType: 'a.b', payload: {} };
      for (const [field, value] of [
        ['tags', ['one']],
        ['deliverAt', '2030-01-01T00:00:00Z'],
        ['transformationsParams', { rawPayload: 'x' }],
      ] as const)
        expect(await send({ ...message, [field]: value })).toMatchObject({
          status: 422,
          body: { detail: [{ loc: ['body', field], type: 'value_error' }] },
        });
      expect(await raw('GET', '/api/v1/operational-webhook/endpoint')).toMatchObject({
        status: 404,
        body: { code: 'not_found' },
      });
    });

    test('channels: an endpoint with channels gets the messages that share one, others get all', async () => {
      const uid = fresh('channels');
      await raw('POST', '/api/v1/app', { body: { name: uid, uid } });
      const under = (path: string): string => `/api/v1/app/${uid}${path}`;
      const path = `/${uid}`;
      const made = await raw('POST', under('/endpoint'), {
        body: { url: at(path), uid: 'some', channels: ['project_1', 'project_2'] },
      });
      expect(made.body).toMatchObject({ channels: ['project_1', 'project_2'] });
      await raw('POST', under('/endpoint'), { body: { url: at('/all'), uid: 'all' } });
      const send = async (channels: readonly string[] | null): Promise<string> =>
        (await raw('POST', under('/msg'), { body: { eventType: 'a.b', payload: {}, channels } })).body.id;
      const [first, both, , none] = [
        await send(['project_1']),
        await send(['project_9', 'project_2']),
        await send(['project_9']),
        await send(null),
      ];
      const ids = async (list: string): Promise<readonly string[]> =>
        [
          ...new Set((await raw('GET', under(list))).body.data.map(({ id, msgId }) => msgId ?? id)),
        ].toSorted();
      const ofSome = [first, both].toSorted();
      await until('both are delivered', async () => (await ids('/attempt/endpoint/some')).length === 2);
      expect(await ids('/endpoint/some/msg')).toEqual(ofSome);
      expect(await ids('/endpoint/all/msg')).toHaveLength(4);
      for (const list of ['/msg', '/endpoint/some/msg', '/attempt/endpoint/some', `/attempt/msg/${both}`])
        expect(await ids(`${list}?channel=project_2`), list).toEqual([both]);
      expect((await raw('GET', under(`/msg/${both}`))).body).toMatchObject({
        channels: ['project_2', 'project_9'],
      });
      expect((await raw('GET', under(`/msg/${none}`))).body).toMatchObject({ channels: null });
      const isActive = async (channels: readonly string[] | null): Promise<unknown> =>
        (await raw('POST', under('/msg/precheck/active'), { body: { eventType: 'a.b', channels } })).body;
      expect(await isActive(['x'])).toEqual({ active: true });
      await raw('PATCH', under('/endpoint/all'), { body: { channels: ['other'] } });
      expect(await isActive(['x'])).toEqual({ active: false });
      expect(await isActive(null)).toEqual({ active: false });
      const since = new Date(Date.now() - 3_600_000).toISOString();
      const replay = await raw('POST', under('/endpoint/some/bulk-replay'), {
        body: { since, channel: 'project_2', statusCodeClass: 200 },
      });
      expect(replay.status).toBe(202);
      await until('one is replayed', () => receivedAt(path).length === 3);
      expect(receivedAt(path)[2]!.headers['svix-id']).toBe(both);
      // PUT without channels removes them; an empty list means all.
      for (const channels of [undefined, []]) {
        await raw('PATCH', under('/endpoint/some'), { body: { channels: ['project_1'] } });
        const put = await raw('PUT', under('/endpoint/some'), { body: { url: at(path), channels } });
        expect(put.body).toMatchObject({ channels: null });
      }
      for (const channels of [['a,b'], ['x'.repeat(129)], Array.from({ length: 11 }, (_, n) => `c${n}`)])
        expect(
          await raw('POST', under('/msg'), { body: { eventType: 'a.b', payload: {}, channels } }),
        ).toMatchObject({ status: 422 });
    });

    test('an application comes with its first message', async () => {
      const uid = fresh('on-the-fly');
      const body = { eventType: 'a.b', payload: {}, application: { name: uid, uid } };
      expect((await raw('POST', `/api/v1/app/${uid}/msg`, { body })).status).toBe(202);
      expect((await raw('GET', `/api/v1/app/${uid}`)).body).toMatchObject({ uid, name: uid });
      expect((await raw('POST', `/api/v1/app/other/msg`, { body })).status).toBe(422);
      const missing = await raw('POST', '/api/v1/app/absent/msg', {
        body: { eventType: 'a.b', payload: {} },
      });
      expect(missing).toMatchObject({ status: 404, body: { code: 'not_found' } });
    });

    test('event types: an empty list is all of them, both spellings are answered', async () => {
      const { body } = await raw('POST', `/api/v1/app/${app}/endpoint`, {
        body: { url: at('/all'), filterTypes: [], throttleRate: 7 },
      });
      expect(body).toMatchObject({
        eventTypes: null,
        filterTypes: null,
        version: 1,
        throttleRate: 7,
        rateLimit: 7,
      });
      expect((await raw('GET', '/api/v1/event-type?limit=251')).status).toBe(422);
    });

    test('rotation answers as the client’s version expects', async () => {
      const { body } = await raw('POST', `/api/v1/app/${app}/endpoint`, { body: { url: at('/rotated') } });
      const rotate = (agent: string) =>
        raw('POST', `/api/v1/app/${app}/endpoint/${body.id}/secret/rotate`, {
          body: {},
          headers: { 'user-agent': agent },
        });
      expect(await rotate('svix-libs/1.99.1/python')).toMatchObject({ status: 204, text: '' });
      expect(await rotate('svix-libs/2.6.0/javascript')).toMatchObject({ status: 204 });
      expect(await rotate('svix-libs/2.7.0/javascript')).toMatchObject({ status: 200 });
      const own = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
      const given = await raw('POST', `/api/v1/app/${app}/endpoint/${body.id}/secret/rotate`, {
        body: { key: own },
      });
      expect(given).toMatchObject({ status: 200, body: { key: own } });
    });

    test('paths with doubled and trailing slashes, bodies without a type, health, and pages of other sites', async () => {
      expect((await raw('GET', `//api/v1/app/${app}/`)).status).toBe(200);
      const response = await fetch(`${serverUrl()}/api/v1/app/${app}/msg`, {
        method: 'POST',
        headers: { authorization: `Bearer ${apiKey}` },
        body: new Blob(['{"eventType":"a.b","payload":{}}']),
      });
      expect(response.status).toBe(202);
      for (const method of ['GET', 'HEAD'])
        expect((await raw(method, '/api/v1/health', { key: null })).status).toBe(204);
      const options = await raw('OPTIONS', `/api/v1/app/${app}`, {
        key: null,
        headers: { origin: 'https://x.example', 'access-control-request-headers': 'authorization,x-other' },
      });
      expect(options.status).toBe(204);
      expect(options.headers.get('access-control-allow-headers')).toBe('authorization,x-other');
      expect(options.headers.get('access-control-allow-origin')).toBe('*');
    });
  });
}
