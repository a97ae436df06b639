import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { audit } from '../../packages/audit/src/audit.ts';
import type { AuditOptions, AuditResult } from '../../packages/audit/src/result.ts';
import { hashText } from '../../packages/posthorn/src/runtime/seeded-random.ts';

// One story as different senders, exports and proxies write it. The audit must find the same lost events in each.

const directory = mkdtempSync(join(tmpdir(), 'posthorn-kinds-'));
afterAll(() => rmSync(directory, { recursive: true }));

interface Attempt {
  readonly n: number;
  readonly id: string;
  readonly attempt: number;
  readonly at: number;
  readonly ms: number;
  readonly status: number;
}

const begins = Date.UTC(2026, 1, 24, 9, 30);
const isLost = (n: number): boolean => n % 30 === 12;
const idOf = (n: number): string => `evt_${hashText(`kind ${n}`).toString(16).padStart(8, '0')}`;

/** An event every half hour; every sixth fails once and is delivered half a minute later, some fail and are forgotten. */
const story: readonly Attempt[] = Array.from({ length: 240 }).flatMap((_, n): Attempt[] => {
  const at = (attempt: number, status: number): Attempt => ({
    n,
    id: idOf(n),
    attempt,
    at: begins + n * 30 * 60_000 + (attempt - 1) * 30_000,
    ms: 40 + (n % 50),
    status,
  });
  if (n > 230) return [at(1, 200)];
  if (isLost(n)) return [at(1, 503)];
  return n % 6 === 0 ? [at(1, 503), at(2, 200)] : [at(1, 200)];
});
const lost = Array.from({ length: 231 }, (_, n) => n)
  .filter(isLost)
  .map(idOf);

const iso = (at: number): string => new Date(at).toISOString();
const two = (n: number): string => String(n).padStart(2, '0');
const monthsOfYear = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const daysOfWeek = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const clock = (at: Date): string =>
  `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}`;
const jsonLines = (row: (one: Attempt, index: number) => object): string =>
  story.map((one, index) => `${JSON.stringify(row(one, index))}\n`).join('');
const csv = (header: string, row: (one: Attempt, index: number) => readonly (string | number)[]): string =>
  `${header}\n${story.map((one, index) => `${row(one, index).join(',')}\n`).join('')}`;
const cell = (text: string): string => `"${text.replaceAll('"', '""')}"`;
const host = 'a.example.com';
const url = `https://${host}/hooks`;

/** JSON lines whose time is written so. */
const timed = (write: (at: Date) => string) => (): string =>
  jsonLines(({ id, at, attempt, status }) => ({
    time: write(new Date(at)),
    event_id: id,
    url,
    attempt,
    status_code: status,
  }));

interface Kind {
  readonly file: string;
  readonly content: () => string;
  readonly options?: Partial<AuditOptions>;
}

const json = (content: Kind['content'], options: Kind['options'] = {}): Kind => ({
  file: 'log.jsonl',
  content,
  options,
});
const table = (content: Kind['content']): Kind => ({ file: 'log.csv', content });
const text = (line: (one: Attempt) => string, options: Kind['options'] = {}): Kind => ({
  file: 'access.log',
  content: () => story.map((one) => `${line(one)}\n`).join(''),
  options,
});

const kinds: Readonly<Record<string, Kind>> = {
  'days before months': table(() =>
    csv('created_at,event_id,url,attempt,status_code', ({ id, at, attempt, status }) => {
      const date = new Date(at);
      return [
        `${two(date.getUTCDate())}/${two(date.getUTCMonth() + 1)}/2026 ${clock(date)}`,
        id,
        url,
        attempt,
        status,
      ];
    }),
  ),
  'times of Kibana': table(() =>
    csv('@timestamp,event_id,url,attempt,status_code', ({ id, at, attempt, status }) => {
      const date = new Date(at);
      return [
        cell(`${monthsOfYear[date.getUTCMonth()]} ${date.getUTCDate()}, 2026 @ ${clock(date)}.000`),
        id,
        url,
        attempt,
        status,
      ];
    }),
  ),
  asctime: json(
    timed(
      (at) =>
        `${daysOfWeek[at.getUTCDay()]} ${monthsOfYear[at.getUTCMonth()]} ${String(at.getUTCDate()).padStart(2, ' ')} ${clock(at)} 2026`,
    ),
  ),
  'RFC 2822': json(
    timed(
      (at) =>
        `${daysOfWeek[at.getUTCDay()]}, ${two(at.getUTCDate())} ${monthsOfYear[at.getUTCMonth()]} 2026 ${clock(at)} +0000`,
    ),
  ),
  'times of Go': json(timed((at) => `${at.toISOString().replace('T', ' ').replace('Z', '')} +0000 UTC`)),
  'times of JavaScript': json(
    timed(
      (at) =>
        `${daysOfWeek[at.getUTCDay()]} ${monthsOfYear[at.getUTCMonth()]} ${two(at.getUTCDate())} 2026 ${clock(at)} GMT+0000 (Coordinated Universal Time)`,
    ),
  ),
  'times of Oracle': json(
    timed((at) => `${two(at.getUTCDate())}-${monthsOfYear[at.getUTCMonth()]!.toUpperCase()}-26 ${clock(at)}`),
  ),
  'the format of times is given': {
    ...json(timed((at) => `${two(at.getUTCMonth() + 1)}-${two(at.getUTCDate())}-2026/${clock(at)}`)),
    options: { timeFormat: '%m-%d-%Y/%H:%M:%S' },
  },
  'ECS, with durations in nanoseconds': json(() =>
    jsonLines(({ id, at, ms, attempt, status }) => ({
      '@timestamp': iso(at),
      event: { id, duration: ms * 1e6 },
      url: { full: url },
      http: { response: { status_code: status } },
      labels: { attempt },
    })),
  ),
  'a level beside the state': json(() =>
    jsonLines(({ id, at, ms, attempt, status }) => ({
      id: `AQ${id}${attempt}`,
      type: 'log',
      attributes: {
        timestamp: iso(at),
        status: 'info',
        message: 'webhook attempt',
        attributes: { event_id: id, attempt, url, http: { status_code: status }, duration: ms * 1e6 },
      },
    })),
  ),
  'ids of rows, the event in a header': table(() =>
    csv('id,created_at,url,request_headers,response_status', ({ id, at, status }, row) => [
      row + 1,
      iso(at),
      url,
      cell(JSON.stringify({ 'Content-Type': 'application/json', 'Webhook-Id': id })),
      status,
    ]),
  ),
  'the event in a body of JSON text': json(
    () =>
      jsonLines(({ id, at, attempt, status }) => ({
        at: iso(at),
        url,
        attempt,
        status_code: status,
        body: JSON.stringify({ id, type: 'payment.captured' }),
      })),
    { mapping: { event_id: 'body.id' } },
  ),
  'a signature in the URL': json(() =>
    jsonLines(({ id, at, attempt, status }) => ({
      at: iso(at),
      event_id: id,
      url: `${url}?ts=${at}&sig=${hashText(`${at}`)}`,
      attempt,
      status_code: status,
    })),
  ),
  'free text, with a pattern': text(
    ({ id, at, attempt, status, ms }) =>
      `${iso(at).replace('T', ' ').replace('.000Z', ',000')} INFO sender: attempt ${attempt} of ${id} to ${url}: ${status === 200 ? 'HTTP 200' : 'timeout'} in ${ms} ms`,
    {
      pattern:
        'attempt (?<attempt_no>\\d+) of (?<event_id>\\S+) to (?<endpoint>\\S+): (?:HTTP (?<status_code>\\d+)|(?<error>.+))',
    },
  ),
  Outpost: json(() =>
    jsonLines(({ id, at, attempt, status }) => ({
      id: `atm_${id}${attempt}`,
      tenant_id: 't',
      event_id: id,
      destination_id: 'des_1',
      destination_type: 'webhook',
      status: status === 200 ? 'success' : 'failed',
      time: iso(at),
      code: String(status),
      attempt_number: attempt,
      manual: false,
    })),
  ),
  Hookdeck: json(() =>
    jsonLines(({ id, at, ms, attempt, status }) => ({
      id: `atm_${id}${attempt}`,
      event_id: id,
      destination_id: 'des_1',
      response_status: status,
      attempt_number: attempt,
      trigger: attempt === 1 ? 'INITIAL' : 'AUTOMATIC',
      error_code: null,
      status: status === 200 ? 'SUCCESSFUL' : 'FAILED',
      requested_url: url,
      delivered_at: iso(at),
      responded_at: iso(at + ms),
      created_at: iso(at),
    })),
  ),
  Hook0: json(() =>
    jsonLines(({ id, at, ms, attempt, status }) => ({
      request_attempt_id: `0190-${id}${attempt}`,
      event_id: id,
      subscription: { subscription_id: 'sub_1', description: '' },
      created_at: iso(at - 3),
      picked_at: iso(at),
      succeeded_at: status === 200 ? iso(at + ms) : null,
      failed_at: status === 200 ? null : iso(at + ms),
      delay_until: attempt === 1 ? null : iso(at),
      retry_count: attempt - 1,
      status: { type: status === 200 ? 'successful' : 'failed', at: iso(at + ms) },
      http_response_status: status,
    })),
  ),
  "EventBridge's Custom Event Bus": json(() =>
    jsonLines(({ id, at, attempt, status }) => ({
      resource_arn: 'arn:aws:events:eu-central-1:111122223333:subscriber/orders/abc',
      event_id: id,
      message_type: 'EVENT_DELIVERY_ATTEMPT',
      message_timestamp_ms: at,
      log_level: status === 200 ? 'INFO' : 'ERROR',
      details: {
        outcome: status === 200 ? 'SUCCESS' : 'FAILURE',
        attempt_count: attempt,
        http_status: status,
      },
    })),
  ),
  Zendesk: json(() =>
    jsonLines(({ id, at, attempt, status }) => ({
      id: `01${id}${attempt}`,
      invocation_id: id,
      status: status === 200 ? 'success' : 'failed',
      response: { status },
      invoked_at: iso(at),
      completed_at: iso(at + 1000),
    })),
  ),
  GitLab: json(() =>
    jsonLines(({ id, at, ms, status }, row) => ({
      id: row + 1,
      url,
      trigger: 'push_hooks',
      request_headers: {
        'X-Gitlab-Event': 'Push Hook',
        'X-Gitlab-Event-UUID': `u-${row}`,
        'Idempotency-Key': id,
      },
      response_status: String(status),
      execution_duration: ms / 1000,
      created_at: iso(at),
    })),
  ),
  Traefik: json(() =>
    jsonLines(({ id, at, ms, status }) => ({
      DownstreamStatus: status,
      OriginStatus: status,
      Duration: ms * 1e6,
      RequestHost: host,
      RequestMethod: 'POST',
      RequestPath: '/hooks',
      RouterName: 'out@file',
      StartUTC: iso(at),
      'request_Webhook-Id': id,
    })),
  ),
  Caddy: json(() =>
    jsonLines(({ id, at, ms, status }) => ({
      level: 'info',
      ts: at / 1000,
      logger: 'http.log.access',
      msg: 'handled request',
      request: { method: 'POST', host, uri: '/hooks', headers: { 'Webhook-Id': [id] } },
      bytes_read: 120,
      duration: ms / 1000,
      size: 2,
      status,
    })),
  ),
  HAProxy: text(({ id, at, ms, status }) => {
    const date = new Date(at);
    return `Nov 20 10:00:00 lb haproxy[811]: 10.0.0.1:33317 [${two(date.getUTCDate())}/${monthsOfYear[date.getUTCMonth()]}/2026:${clock(date)}.041] out pay/${host} 0/0/3/${ms}/${ms} ${status} 120 - - ---- 1/1/0/0/0 0/0 {${id}} "POST /hooks HTTP/1.1"`;
  }),
};

interface Audited {
  readonly result: AuditResult;
  readonly missing: readonly string[];
}

async function audited({ file, content, options }: Kind): Promise<Audited> {
  const path = join(directory, file);
  const missing = join(directory, 'missing.csv');
  writeFileSync(path, content());
  const result = await audit({ files: [path], threads: 1, missing, ...options });
  const rows = readFileSync(missing, 'utf8').trimEnd().split('\n').slice(1);
  return { result, missing: rows.map((row) => row.split(',')[0]!).toSorted() };
}

describe('the same story gives the same lost events', () => {
  test.each(Object.entries(kinds))('%s', async (_, kind) => {
    const { result, missing } = await audited(kind);
    expect(result.quality.problems).toEqual([]);
    expect(missing).toEqual(lost.toSorted());
    expect(result.verdicts).toMatchObject({ silently_dropped: lost.length, unresolved: 0 });
    // A unit that is wrong by a factor of a thousand makes every delivery late.
    expect(result.verdicts.late).toBe(0);
  });
});

test('a payment of another tenant with the same id recovers nothing, and the chart adds up to the money at risk', async () => {
  const { result } = await audited(
    json(() =>
      jsonLines(({ id, n, at, attempt, status }) => ({
        at: iso(at),
        event_id: id,
        // A payment number comes once in each tenant.
        tenant: `t${Math.floor(n / 12) % 2}`,
        payment_id: `pay_${n % 12}_${Math.floor(n / 24)}`,
        event_type: n % 60 === 12 ? 'refund.created' : 'payment.captured',
        url,
        attempt,
        status_code: status,
        amount_minor: 100 + n,
        currency: 'EUR',
      })),
    ),
  );
  const owed = Array.from({ length: 231 }, (_, n) => n).filter((n) => isLost(n) && n % 60 !== 12);
  const sum = owed.reduce((total, n) => total + 100 + n, 0);
  expect(result.value_at_risk).toEqual([{ currency: 'EUR', amount_minor: sum, events: owed.length }]);
  const charted = result.series.bins.flatMap(({ value_at_risk: values }) => values);
  expect(charted.reduce((total, { amount_minor: minor }) => total + Number(minor), 0)).toBe(sum);
});

test('receipts name the endpoint: it is part of the join, and one without a single match is not covered', async () => {
  const endpoints = ['a', 'b', 'c'].map((name) => `https://${name}.example.com/hooks`);
  const delivered = story.filter(({ status }) => status === 200);
  const unprocessed = delivered[20]!.id;
  const received = join(directory, 'receipts.csv');
  const rows = delivered.flatMap(({ id, at }) =>
    endpoints
      .slice(0, 2)
      .filter((endpoint) => id !== unprocessed || endpoint !== endpoints[1])
      .map((endpoint) => `${id},${endpoint},${iso(at + 500)}\n`),
  );
  writeFileSync(received, `event_id,endpoint,processed_at\n${rows.join('')}`);
  const { result } = await audited(
    json(
      () =>
        story
          .flatMap(({ id, at, attempt, status }) =>
            endpoints.map(
              (endpoint) =>
                `${JSON.stringify({ at: iso(at), event_id: id, endpoint, attempt, status_code: status })}\n`,
            ),
          )
          .join(''),
      { received },
    ),
  );
  expect(result.verdicts.acknowledged_unprocessed).toBe(1);
  expect(result.received).toMatchObject({
    endpoints_not_covered: [endpoints[2]],
    sample_ids: [unprocessed],
  });
});

test('what should have been sent: a list of ids, with a window, and what the receiver has without a line of the log', async () => {
  const unsent = [40, 90, 200].map((n) => `evt_unsent_${n}`);
  const write = (name: string, header: string, rows: readonly string[]): string => {
    const path = join(directory, name);
    writeFileSync(path, `${header}\n${rows.join('\n')}\n`);
    return path;
  };
  const log = json(() =>
    jsonLines(({ id, at, attempt, status }) => ({
      at: iso(at),
      event_id: id,
      url,
      attempt,
      status_code: status,
    })),
  );
  const ids = [...new Set(story.map(({ id }) => id))];
  // The header of the only column is not an id.
  const listed = await audited({
    ...log,
    options: { expected: write('ids.csv', 'event_id', [...ids, ...unsent]) },
  });
  expect(listed.result.expected).toMatchObject({ rows: 243, never_sent: 3, not_covered: 0 });

  const dueAt = (n: number): string => iso(begins + n * 30 * 60_000);
  const due = write('due.csv', 'event_id,created_at', [
    ...story.filter(({ attempt }) => attempt === 1).map(({ id, n }) => `${id},${dueAt(n)}`),
    ...unsent.map((id) => `${id},${dueAt(Number(id.slice(11)))}`),
  ]);
  const received = write('has.csv', 'event_id', [
    ...story.filter(({ status }) => status === 200).map(({ id }) => id),
    unsent[1]!,
  ]);
  const window = { from: dueAt(60), until: dueAt(150) };
  const { result } = await audited({ ...log, options: { expected: due, received, window } });
  // Events that were sent before or after the window were sent, and the receiver has the only other one.
  expect(result.expected).toMatchObject({ never_sent: 0, not_covered: 2 });
  expect(Object.values(result.verdicts).reduce((sum, n) => sum + n, 0)).toBe(result.events);
});

test('neither what was given up and sent again by hand a day later nor an answer of 410 is a drop', async () => {
  const line = (
    n: number,
    attempt: number,
    status: number,
    state: string | null,
    after: number,
  ): Record<string, unknown> => ({
    at: iso(begins + n * 30 * 60_000 + after),
    event_id: idOf(n),
    url,
    attempt,
    status_code: status,
    ...(state === null ? {} : { status: state }),
  });
  const dayMs = 86_400_000;
  const { result } = await audited(
    json(() =>
      Array.from({ length: 300 })
        .flatMap((_, n) => {
          if (n % 12 !== 0)
            return n % 40 === 7 ? [line(n, 1, 410, null, 0)] : [line(n, 1, 200, 'delivered', 0)];
          const failed = [line(n, 1, 503, 'retrying', 0), line(n, 2, 503, 'failed', 30_000)];
          if (n % 36 === 12) return [failed[0]!, line(n, 2, 200, 'delivered', 30_000)];
          return n % 24 === 0 ? [...failed, line(n, 3, 200, 'delivered', dayMs + n * 60_000)] : failed;
        })
        .toSorted((a, b) => String(a['at']).localeCompare(String(b['at'])))
        .map((one) => `${JSON.stringify(one)}\n`)
        .join(''),
    ),
  );
  expect(result.verdicts.silently_dropped).toBe(0);
  expect(result.causes).toEqual([]);
});
