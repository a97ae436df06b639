import { describe, expect, test } from 'vitest';
import { Svix } from 'svix-v2';
import { apiKey } from '../integration/serving.ts';
import { until } from '../support.ts';
import { anApp, at, failing, fresh, gone, raw, receivedAt, serverUrl } from './world.ts';

// What became of messages: states, attempts, statistics, tasks.

const hourMs = 3_600_000;

export function describeStateClashes(): void {
  describe('states', () => {
    test('status of a destination: pending is 3 with nextAttempt, dead and suppressed are 2, cancelled is 4 for clients that know it', async () => {
      const app = await anApp('statuses');
      const paths = { fine: `/${fresh('fine')}`, failing: `/${fresh('failing')}`, gone: `/${fresh('gone')}` };
      failing.add(paths.failing);
      gone.add(paths.gone);
      for (const [uid, path] of Object.entries(paths)) await app.endpoint({ uid, url: at(path) });
      const shown = async (message: string, query = '') => {
        const { body } = await app.get(`/msg/${message}/endpoint${query}`);
        return Object.fromEntries(
          body.data.map(({ uid, status, statusText, nextAttempt }) => [
            uid,
            `${status} ${statusText}${nextAttempt === undefined ? '' : ', next'}`,
          ]),
        );
      };
      const first = await app.send('a.b');
      await until('each has been tried', async () => {
        const { data } = (await app.get(`/attempt/msg/${first}`)).body;
        return data.length === 3;
      });
      expect(await shown(first)).toEqual({ fine: '0 success', failing: '3 sending, next', gone: '2 fail' });
      // The 410 has disabled the endpoint: what comes now is suppressed, and never attempted.
      expect((await app.get('/endpoint/gone')).body).toMatchObject({ disabled: true });
      const second = await app.send('a.b');
      expect(await shown(second)).toMatchObject({ gone: '2 fail' });
      const { id: goneId } = (await app.get('/endpoint/gone')).body;
      expect((await app.get(`/attempt/msg/${second}?endpoint_id=${goneId}`)).body.data).toEqual([]);

      const ids = async (query: string) =>
        (await app.get(`/endpoint/failing/msg?${query}`)).body.data.map(({ id }) => id);
      // Pending and being sent is one state here.
      for (const status of [1, 3]) expect(await ids(`status=${status}`)).toEqual([second, first]);
      const [delivery] = (await app.own('GET', `/v1/deliveries?event_id=${first}&state=pending`)).body.items;
      await app.own('POST', `/v1/deliveries/${delivery!.id}/cancel`, { reason: 'a test' });
      expect(await shown(first)).toMatchObject({ failing: '2 fail' });
      expect(await shown(first, '?expanded_statuses=true')).toMatchObject({ failing: '4 canceled' });
      // A list by status has what it shows under that status.
      expect(await ids('status=2')).toEqual([first]);
      expect(await ids('status=2&expanded_statuses=true')).toEqual([]);
      expect(await ids('status=4&expanded_statuses=true')).toEqual([first]);
      expect(await ids('status=0')).toEqual([]);
      const svix = new Svix(apiKey, { serverUrl: serverUrl() });
      const { data } = await svix.messageAttempt.listAttemptedMessages(app.uid, 'failing', { limit: 10 });
      expect(data.map(({ id, status, statusText }) => [id, status, statusText])).toEqual([
        [second, 3, 'sending'],
        [first, 4, 'canceled'],
      ]);
    });

    test('status of an attempt: success or fail, also if its retry is still to come', async () => {
      const app = await anApp('attempt-status');
      const path = `/${app.uid}`;
      failing.add(path);
      await app.endpoint({ uid: 'e', url: at(path) });
      const message = await app.send('a.b');
      const list = async (query: string) =>
        (await app.get(`/attempt/endpoint/e?${query}`)).body.data.map(({ msgId, status, statusText }) => [
          msgId,
          status,
          statusText,
        ]);
      await until('it has failed', async () => (await list('')).length > 0);
      expect(await list('status=2')).toEqual([[message, 2, 'fail']]);
      for (const status of [0, 1, 3, 4]) expect(await list(`status=${status}`)).toEqual([]);
    });

    test('disabled: what comes meanwhile is kept as suppressed, recover leaves it, replay-missing delivers it', async () => {
      const app = await anApp('disabled');
      const path = `/${app.uid}`;
      await app.endpoint({ uid: 'e', url: at(path), disabled: true });
      const missed = await app.send('a.b');
      await app.call('PATCH', '/endpoint/e', { disabled: false });
      const since = new Date(Date.now() - hourMs).toISOString();
      const finished = async (task: string) =>
        await until(
          `${task} ends`,
          async () => (await raw('GET', `/api/v1/background-task/${task}`)).body.status === 'finished',
        );
      const recover = await app.call('POST', '/endpoint/e/recover', { since });
      expect(recover).toMatchObject({ status: 202, body: { task: 'endpoint.recover' } });
      await finished(recover.body.id);
      expect((await raw('GET', `/api/v1/background-task/${recover.body.id}`)).body).toMatchObject({
        data: { messagesSent: 0 },
      });
      expect(receivedAt(path)).toEqual([]);
      const replay = await app.call('POST', '/endpoint/e/replay-missing', { since });
      expect(replay).toMatchObject({ status: 202, body: { task: 'endpoint.replay' } });
      await finished(replay.body.id);
      await until('it is delivered', () => receivedAt(path).length === 1);
      expect(receivedAt(path)[0]!.headers['webhook-id']).toBe(missed);
    });

    test('recover redrives dead letters of at most 14 days as a background task', async () => {
      const app = await anApp('recover');
      const path = `/${app.uid}`;
      gone.add(path);
      await app.endpoint({ uid: 'e', url: at(path) });
      const message = await app.send('a.b');
      await until('it is dead', async () => (await app.get('/endpoint/e')).body.disabled === true);
      gone.delete(path);
      await app.call('PATCH', '/endpoint/e', { disabled: false });
      const recover = async (days: number) =>
        await app.call('POST', '/endpoint/e/recover', {
          since: new Date(Date.now() - days * 24 * hourMs).toISOString(),
        });
      expect(await recover(15)).toMatchObject({
        status: 422,
        body: { detail: [{ loc: ['body', 'since'], msg: expect.stringContaining('14 days') as string }] },
      });
      const { body } = await recover(13);
      await until('it is delivered', () => receivedAt(path).length === 2);
      await until('the task has ended', async () => {
        const task = await raw('GET', `/api/v1/background-task/${body.id}`);
        return task.body.status === 'finished';
      });
      const tasks = (await raw('GET', '/api/v1/background-task?limit=250')).body.data;
      expect(tasks.find(({ id }) => id === body.id)).toMatchObject({ data: { messagesSent: 1 } });
      expect(receivedAt(path)[1]!.headers['svix-id']).toBe(message);
    });

    test('message ids: MessageOut.id, msgId and webhook-id are one, and an eventId is the id', async () => {
      const app = await anApp('ids');
      const path = `/${app.uid}`;
      await app.endpoint({ uid: 'e', url: at(path) });
      const named = fresh('order');
      const own = await app.send('a.b', { eventId: named });
      const made = await app.send('a.b');
      expect(own).toBe(named);
      expect(made).toMatch(/^msg_[0-9A-Za-z]{27}$/);
      const attempts = async () => (await app.get('/attempt/endpoint/e')).body.data;
      await until('both are delivered', async () => (await attempts()).length === 2);
      expect((await attempts()).map(({ msgId }) => msgId)).toEqual([made, own]);
      for (const family of ['webhook-id', 'svix-id'])
        expect(receivedAt(path).map(({ headers }) => headers[family])).toEqual(
          expect.arrayContaining([made, own]),
        );
      expect((await app.get(`/msg/${made}`)).body).not.toHaveProperty('eventId');
      expect((await app.get(`/msg/${own}`)).body).toMatchObject({ id: own, eventId: own });
    });

    test('attempt ids: a delivery and a number, reversible, and sorted as the list is', async () => {
      const app = await anApp('attempt-ids');
      const path = `/${app.uid}`;
      failing.add(path);
      const { id: endpoint } = await app.endpoint({ uid: 'e', url: at(path) });
      const attempts = async (query = '') => (await app.get(`/attempt/endpoint/e${query}`)).body.data;
      const first = await app.send('first.sent');
      await until('it has failed', async () => (await attempts()).length === 1);
      failing.delete(path);
      await app.call('POST', `/msg/${first}/endpoint/${endpoint}/resend`);
      await until('it is resent', async () => (await attempts()).length === 2);
      const second = await app.send('second.sent');
      await until('both are there', async () => (await attempts()).length === 3);
      const all = await attempts();
      // By message, the newest first, and its last attempt first.
      expect(all.map(({ msgId }) => msgId)).toEqual([second, first, first]);
      expect(all.map(({ id }) => id)).toEqual(
        all
          .map(({ id }) => id)
          .toSorted()
          .toReversed(),
      );
      expect(new Set(all.map(({ id }) => id.slice(0, -6))).size).toBe(2);
      expect(all.map(({ triggerType }) => triggerType)).toEqual([0, 1, 0]);
      for (const attempt of all) {
        expect(attempt.id).toMatch(/^atmpt_[0-9a-z]{11}\d{6}$/);
        expect((await app.get(`/msg/${attempt.msgId}/attempt/${attempt.id}`)).body).toEqual(attempt);
        const other = attempt.msgId === first ? second : first;
        expect((await app.get(`/msg/${other}/attempt/${attempt.id}`)).status).toBe(404);
      }
      // Filtered by type, time and class of the status.
      const of = async (query: string) => (await attempts(query)).map(({ id }) => id);
      const [last, again, failed] = all.map(({ id }) => id);
      const time = encodeURIComponent(all[0]!.timestamp);
      expect(await of('?event_types=second.sent')).toEqual([last]);
      expect(await of('?event_types=second.sent,first.sent&status=0')).toEqual([last, again]);
      expect(await of(`?after=${time}`)).toEqual([last]);
      expect(await of(`?before=${time}`)).toEqual([again, failed]);
      expect(await of('?status_code_class=500')).toEqual([failed]);
      expect((await app.get('/attempt/endpoint/e?status_code_class=7')).status).toBe(422);
    });

    test('stats: of whole hours, since down and until up, at most 28 days', async () => {
      const app = await anApp('stats');
      const [path, bad] = [`/${app.uid}`, `/${app.uid}-bad`];
      failing.add(bad);
      for (const [uid, url] of [
        ['e', path],
        ['bad', bad],
      ] as const)
        await app.endpoint({ uid, url: at(url) });
      const message = await app.send('a.b');
      const { timestamp } = (await app.get(`/msg/${message}`)).body;
      const hour = Math.floor(Date.parse(timestamp) / hourMs) * hourMs;
      const window = (since: number, until: number): string =>
        `?since=${new Date(since).toISOString()}&until=${new Date(until).toISOString()}`;
      const lastSecond = window(hour + hourMs - 1000, hour + hourMs - 500);
      const none = { success: 0, pending: 0, sending: 0, fail: 0, canceled: 0 };
      const stats = async (of: string, query: string) => (await app.get(`/endpoint/${of}/${query}`)).body;
      await until('it is counted', async () => {
        const { success } = await stats('e', `stats${lastSecond}`);
        return success === 1;
      });
      expect(await stats('e', `stats${lastSecond}`)).toEqual({ ...none, success: 1 });
      // The hour before, up to its end.
      expect(await stats('e', `stats${window(hour - 1, hour)}`)).toEqual(none);
      await until('the failure is counted', async () => {
        const { fail } = await stats('bad', `attempt-stats${lastSecond}`);
        return fail === 1;
      });
      expect(await stats('bad', `stats${lastSecond}`)).toEqual({ ...none, pending: 1 });
      expect(await stats('e', `attempt-stats${lastSecond}`)).toEqual({ success: 1, fail: 0, canceled: 0 });
      expect(await app.get(`/endpoint/e/stats${window(hour - 29 * 24 * hourMs, hour)}`)).toMatchObject({
        status: 422,
        body: { detail: [{ loc: ['query', 'since'], msg: expect.stringContaining('28 days') as string }] },
      });
    });

    test('the content of a single attempt cannot be deleted: 422 says what can', async () => {
      const app = await anApp('attempt-content');
      await app.endpoint({ uid: 'e', url: at(`/${app.uid}`) });
      const message = await app.send('a.b');
      const attempts = async () => (await app.get(`/attempt/msg/${message}`)).body.data;
      await until('it is delivered', async () => (await attempts()).length === 1);
      const [attempt] = await attempts();
      const path = `/msg/${message}/attempt/${attempt!.id}/content`;
      expect(await app.call('DELETE', path)).toMatchObject({
        status: 422,
        body: {
          detail: [
            {
              loc: ['path', 'attempt'],
              msg: expect.stringContaining(`DELETE /api/v1/app/{app_id}/msg/{msg_id}/content`) as string,
              type: 'value_error',
            },
          ],
        },
      });
      expect(await attempts()).toEqual([attempt]);
      expect(await app.call('DELETE', `/msg/${message}/attempt/atmpt_none/content`)).toMatchObject({
        status: 404,
      });
    });
  });
}
