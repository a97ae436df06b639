import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Answer } from '../../packages/posthorn/src/contract/table.ts';
import { aReceiver, until } from '../support.ts';
import { serve } from './serving.ts';

type Now = Answer<'now.get'>;
type Series = Answer<'series.get'>;

let server: Awaited<ReturnType<typeof serve>>;
const closing: (() => Promise<void>)[] = [];
beforeEach(async () => {
  server = await serve({ reconcileEveryS: 1, evaluateEveryS: 3600 });
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  await server.stop();
});

const request = async <T = unknown>(method: string, path: string, body?: unknown): Promise<T> =>
  await server.client.request<T>(method, path, body);
/** What is asked for is made anew at most once a second. */
async function nowIs(holds: (now: Now) => boolean, query = ''): Promise<Now> {
  let found: Now | undefined;
  await until('the overview says so', async () => {
    found = await request<Now>('GET', `/v1/now${query}`);
    return holds(found);
  });
  return found!;
}
const noRetry = { retry: { schedule_s: [] } };

describe('GET /v1/now', () => {
  test('before there is anything', async () => {
    expect(await request('GET', '/v1/now')).toMatchObject({
      level: 'well',
      sentence: 'No endpoints yet, so nothing can be delivered.',
      ledger: { accepted: 0, pending: 0, unaccounted: 0 },
      in_time: { due: 0, share: null },
      needs: [],
      endpoints: 0,
    });
  });

  test('G6: every number equals SQL over the rows, with worth by currency, teams and needs', async () => {
    for (const name of ['shop', 'data']) await request('PUT', `/v1/teams/${name}`, { channels: [] });
    const well = await aReceiver();
    const ill = await aReceiver((_, response) => response.writeHead(503).end());
    closing.push(well.close, ill.close);
    const endpoint = async (fields: object): Promise<string> =>
      (await request<{ id: string }>('POST', '/v1/endpoints', fields)).id;
    const dead = await endpoint({ url: ill.url, owner: 'shop', ...noRetry });
    await endpoint({ url: well.url, owner: 'data' });
    const paused = await endpoint({ url: well.url, enabled: false, event_types: ['refund.*'] });
    const values = [
      { amount_minor: 1050, currency: 'EUR' },
      { amount_minor: 250, currency: 'EUR' },
      { amount_minor: 7, currency: 'JPY' },
      undefined,
    ];
    for (const value of values)
      await request('POST', '/v1/events', { type: 'payment.succeeded', data: {}, value });
    await request('POST', '/v1/events', {
      type: 'refund.updated',
      data: {},
      value: { amount_minor: 100, currency: 'EUR' },
    });

    const now = await nowIs(
      ({ ledger, reconciled }) => ledger.dead === 5 && ledger.delivered === 5 && reconciled?.rows_read === 11,
    );
    const db = new DatabaseSync(join(server.dataDir, 'posthorn.db'), { readOnly: true });
    const rows = (sql: string): unknown[] =>
      db
        .prepare(sql)
        .all()
        .map((row) => ({ ...row }));
    const [counts] = rows(
      `SELECT count(*) AS accepted, sum(state = 1) AS delivered, sum(state = 0) AS pending, sum(state = 2) AS dead,
         sum(state = 3) AS cancelled, sum(state = 4) AS suppressed FROM deliveries`,
    );
    expect(now.ledger).toEqual({ ...(counts as object), unaccounted: 0 });
    const worth = (state: number) =>
      rows(
        `SELECT e.currency, sum(e.amount_minor) AS amount_minor, count(*) AS events FROM deliveries d
         JOIN events e ON e.number = d.event_number WHERE d.state = ${state} AND e.currency IS NOT NULL
         GROUP BY e.currency ORDER BY 3 DESC`,
      );
    expect(now.at_risk).toEqual({
      dead: worth(2),
      suppressed: worth(4),
      late_pending: [],
      late_pending_count: 0,
      unknown: 1,
    });
    db.close();

    expect(now).toMatchObject({
      level: 'act',
      sentence: 'Nothing is lost. 6 notifications worth €15.00 and ¥7 will not arrive unless someone acts.',
      reconciled: { balanced: true, unaccounted: 0, ids: [] },
      in_time: { good: 5, due: 11 },
      endpoints: 3,
      more_needs: 0,
    });
    expect(now.teams.map(({ team, state }) => [team, state])).toEqual([
      ['shop', '5 dead letters'],
      [null, '1 suppressed'],
      ['data', 'everything it receives arrives'],
    ]);
    const host = new URL(ill.url).host;
    expect(now.needs.map(({ kind, summary, owner }) => [kind, summary, owner])).toEqual([
      ['dead_letters', `5 dead letters at ${host}: http_5xx`, 'shop'],
      ['paused', `${new URL(well.url).host} is paused`, null],
      ['owner', `1 endpoint without an owner: ${new URL(well.url).host}`, null],
    ]);
    expect(now.needs[0]).toMatchObject({
      endpoint_id: dead,
      count: 5,
      action: { label: 'Redrive 5…', path: `/dead-letters?endpoint_id=${dead}` },
    });

    expect(await nowIs(() => true, `?endpoint_id=${paused}`)).toMatchObject({
      ledger: { accepted: 1, suppressed: 1 },
      teams: [{ team: null }],
      reconciled: { rows_read: null, balanced: true },
    });

    const series = async (query: string): Promise<Series> =>
      await request<Series>('GET', `/v1/series?${query}`);
    const counted = await series('measure=counts');
    const sum = (of: (point: Series['series'][number]['points'][number]) => number | undefined): number =>
      counted.series[0]!.points.reduce((total, point) => total + (of(point) ?? 0), 0);
    expect(counted.window.step).toBe('hour');
    expect(counted.series[0]!.points.length).toBe(25);
    expect([sum((p) => p.accepted), sum((p) => p.dead), sum((p) => p.delivered)]).toEqual([11, 5, 5]);
    const classes = await series('measure=failures&by=error_class');
    expect(classes.series).toMatchObject([{ key: 'http_5xx', others: 0 }]);
    const faults = await series('measure=failures&by=fault_domain');
    expect(faults.series.map(({ key, points }) => [key, points.at(-1)!.failures])).toEqual([
      ['sender', 0],
      ['receiver', 5],
    ]);
    const latency = await series('measure=latency&by=endpoint&step=day');
    expect(latency.series.map(({ points }) => points.at(-1)!.delivered).toSorted()).toEqual([0, 0, 5]);
    await expect(series('measure=counts&by=error_class')).rejects.toThrow('requires measure=failures');
  });

  test('G6: what is unaccounted for takes the sentence, with its ids', async () => {
    const { url, close } = await aReceiver();
    closing.push(close);
    await request('POST', '/v1/endpoints', { url });
    await request('POST', '/v1/events', { type: 'a.b', data: {} });
    await nowIs(({ ledger, reconciled }) => ledger.delivered === 1 && reconciled?.balanced === true);
    const db = new DatabaseSync(join(server.dataDir, 'posthorn.db'));
    db.exec('DELETE FROM deliveries');
    db.close();
    const now = await nowIs(({ reconciled }) => reconciled?.balanced === false);
    expect(now).toMatchObject({
      level: 'act',
      sentence: '1 notification is unaccounted: accepted, but in no state.',
      reconciled: { unaccounted: 1 },
    });
    expect(now.reconciled!.ids.length).toBeGreaterThan(0);
  });

  test('late pending deliveries have a value, and are not drops', async () => {
    const ill = await aReceiver((_, response) => response.writeHead(503).end());
    closing.push(ill.close);
    await request('POST', '/v1/endpoints', {
      url: ill.url,
      deliver_within_s: 1,
      retry: { schedule_s: [600] },
    });
    await request('POST', '/v1/events', {
      type: 'a.b',
      data: {},
      value: { amount_minor: 4500, currency: 'USD' },
    });
    expect(await nowIs(({ at_risk: risk }) => risk.late_pending_count === 1)).toMatchObject({
      level: 'watch',
      sentence: 'Nothing is lost. 1 notification worth $45.00 is late and still being delivered.',
      ledger: { accepted: 1, pending: 1, dead: 0 },
      in_time: { good: 0, due: 1 },
      at_risk: { dead: [], late_pending: [{ currency: 'USD', amount_minor: 4500, events: 1 }] },
    });
  });
});
