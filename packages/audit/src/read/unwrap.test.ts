import { describe, expect, test } from 'vitest';
import { withDatabase } from '../database.ts';
import { readTimes, timeSql } from './times.ts';
import { peelSql, unwrap } from './unwrap.ts';

const records = Array.from({ length: 12 }, (_, index) => ({
  timestamp: `2026-11-20T10:${String(index).padStart(2, '0')}:00.000Z`,
  event_id: `evt_${index % 10}`,
  attempt: index < 10 ? 1 : 2,
  status_code: index < 2 ? 500 : 200,
}));
const lines = records.map((one) => JSON.stringify(one));
const ns = (index: number): string => `${Date.parse(records[index]!.timestamp)}000000`;

const wrappings: Readonly<Record<string, readonly string[]>> = {
  docker: lines.map((log) =>
    JSON.stringify({ log: `${log}\n`, stream: 'stdout', time: '2026-11-20T10:00:00Z' }),
  ),
  'CloudWatch with its own event ids': [
    JSON.stringify({
      events: lines.map((message, index) => ({
        timestamp: index,
        message,
        ingestionTime: index,
        eventId: `3${index}`,
      })),
    }),
  ],
  'CloudWatch Logs Insights': [
    JSON.stringify({
      results: lines.map((value) => [
        { field: '@message', value },
        { field: '@ptr', value: 'x' },
      ]),
    }),
  ],
  Loki: [
    JSON.stringify({
      status: 'success',
      data: { result: [{ stream: { app: 'a' }, values: lines.map((line, index) => [ns(index), line]) }] },
    }),
  ],
  Splunk: lines.map((_raw) => JSON.stringify({ preview: false, result: { _time: '2026-11-20', _raw } })),
  journald: lines.map((MESSAGE, index) => JSON.stringify({ __REALTIME_TIMESTAMP: ns(index), MESSAGE })),
  'Cloudflare Workers': lines.map((line) =>
    JSON.stringify({ EventTimestampMs: 1, Outcome: 'ok', Logs: [{ Level: 'log', Message: [line] }] }),
  ),
  OTLP: [
    JSON.stringify({
      resourceLogs: [
        {
          scopeLogs: [
            {
              logRecords: records.map((one) => ({
                attributes: Object.entries(one).map(([key, value]) => ({
                  key,
                  value: { stringValue: `${value}` },
                })),
              })),
            },
          ],
        },
      ],
    }),
  ],
  'docker compose': lines.map((line) => `hooks-1  | ${line}`),
  kubectl: lines.map((line) => `[pod/hooks-7/app] ${line}`),
  'syslog, RFC 5424': lines.map((line) => `<14>1 2026-11-20T10:00:00Z web-1 hooks 811 - - ${line}`),
  'a page of an API': [JSON.stringify({ pagination: { limit: 100 }, models: records })],
  'docker around compose': lines.map((line) =>
    JSON.stringify({ log: `hooks-1  | ${line}\n`, time: '2026-11-20' }),
  ),
};

describe('records inside wrappings', () => {
  test.each(Object.entries(wrappings))(
    '%s: a sample and the whole log give the same records',
    async (_, wrapped) => {
      const { peels, lines: inside } = unwrap(wrapped);
      const found = inside.map((line) => JSON.parse(line) as Record<string, unknown>);
      const ids = (from: readonly Record<string, unknown>[]): unknown[] =>
        from.map((one) => one['event_id'] ?? (one['attributes'] as Record<string, unknown>)['event_id']);
      expect(ids(found)).toEqual(records.map(({ event_id }) => event_id));
      const rows = await withDatabase({ memoryMb: 256, timezone: 'UTC', threads: 1 }, async (database) => {
        await database.run('create table given (line varchar, file varchar)');
        for (const line of wrapped)
          await database.run(`insert into given values ('${line.replaceAll("'", "''")}', 'x')`);
        return await database.rows(peelSql('select line, file from given', peels, true));
      });
      expect(ids(rows.map(({ line }) => JSON.parse(line as string) as Record<string, unknown>))).toEqual(
        ids(found),
      );
    },
  );

  test('a record with an array, a payload or a body of its own is not a wrapping', () => {
    expect(unwrap(['{"event_id":"a","attempts":[{"id":"x","status":200}]}']).peels).toEqual([]);
    const payload = JSON.stringify({ id: 'evt_1', data: { amount: 1 } });
    expect(unwrap([JSON.stringify({ ...records[0], body: payload })]).peels).toEqual([]);
  });
});

test('times are read as people write them', async () => {
  const at = '2026-03-02T14:05:06.000Z';
  const columns: readonly (readonly string[])[] = [
    ['Mar 2, 2026 @ 14:05:06.000'],
    ['Mon, 02 Mar 2026 16:05:06 +0200'],
    ['Mon Mar  2 14:05:06 2026'],
    ['2026-03-02 14:05:06.000 +0000 UTC m=+0.001'],
    ['02/03/2026 14:05:06', '13/03/2026 01:00:00'],
    ['3/2/2026 2:05:06 PM', '3/14/2026 2:05:06 PM'],
    ['Mar  2 14:05:06'],
    ['1772460306'],
    ['20260302140506'],
  ];
  await withDatabase({ memoryMb: 256, timezone: 'UTC', threads: 1 }, async (database) => {
    for (const texts of columns) {
      const reading = readTimes(texts, { modifiedMs: Date.UTC(2026, 10, 26) });
      const { ms } = await database.row(
        `select ${timeSql('v', reading, true)} as ms from (values ('${texts[0]}')) x(v)`,
      );
      expect(new Date(Number(ms)).toISOString(), texts[0]).toBe(at);
    }
  });
});
