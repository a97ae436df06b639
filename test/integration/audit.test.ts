import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { audit } from '../../packages/audit/src/audit.ts';
import type { AuditOptions, AuditResult } from '../../packages/audit/src/result.ts';

const begin = Date.UTC(2026, 2, 1);
const iso = (ms: number): string => new Date(ms).toISOString();
let directory: string;
let files = 0;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'audit-test-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function fileOf(content: string | Buffer, extension = 'jsonl'): string {
  const path = join(directory, `log-${++files}.${extension}`);
  writeFileSync(path, content);
  return path;
}

interface Attempt {
  readonly id: string;
  readonly attempt: number;
  readonly start: number;
  readonly end: number;
  readonly code: number | null;
  readonly error: string | null;
  readonly next: number | null;
  readonly amount: number;
}

/**
 * A log of `n` events, one every 20 s. Every tenth fails once with 500 and is retried after 5 s; of those, every fifth
 * is never retried: it is lost.
 */
function attempts(n = 500): { all: Attempt[]; lost: string[] } {
  const all: Attempt[] = [];
  const lost: string[] = [];
  for (let i = 0; i < n; i++) {
    const start = begin + i * 20_000;
    const common = { id: `evt_${i}`, amount: 100 + i, error: null };
    if (i % 10 !== 3) {
      all.push({ ...common, attempt: 1, start, end: start + 80 + (i % 7), code: 200, next: null });
      continue;
    }
    all.push({ ...common, attempt: 1, start, end: start + 90, code: 500, next: start + 5090 });
    if (i % 50 === 3) lost.push(common.id);
    else all.push({ ...common, attempt: 2, start: start + 5090, end: start + 5200, code: 200, next: null });
  }
  return { all, lost };
}

const jsonLines = (records: readonly object[]): string =>
  `${records.map((one) => JSON.stringify(one)).join('\n')}\n`;
const plain = ({ id, attempt, start, end, code, next, amount }: Attempt): object => ({
  ts: iso(end),
  event_id: id,
  endpoint: 'https://orders.example.com/hook',
  attempt,
  started_at: iso(start),
  duration_ms: end - start,
  status_code: code,
  next_retry_at: next === null ? null : iso(next),
  amount_minor: amount,
  currency: 'USD',
});

async function dropped(
  options: Omit<AuditOptions, 'missing'>,
): Promise<{ result: AuditResult; ids: string[] }> {
  const missing = join(directory, `missing-${++files}.csv`);
  const result = await audit({ ...options, missing });
  const ids = readFileSync(missing, 'utf8')
    .split('\n')
    .slice(1)
    .flatMap((line) => (line === '' ? [] : [line.split(',')[0]!]));
  return { result, ids: ids.toSorted() };
}

describe('the same events in every format give the same lost ones', () => {
  const { all, lost } = attempts();
  const expected = lost.toSorted();
  const envelope = (data: readonly object[]): string => JSON.stringify({ data, done: true });
  const svix = all.map(({ id, start, end, code }, index) => ({
    id: `atmpt_${index}`,
    msgId: id,
    endpointId: 'ep_1',
    url: 'https://orders.example.com',
    timestamp: iso(start),
    responseStatusCode: code,
    responseDurationMs: end - start,
    response: '',
    status: code === 200 ? 0 : 2,
    statusText: '',
    triggerType: 0,
  }));
  const convoy = [...new Map(all.map((one) => [one.id, one])).values()].map(
    ({ id, start, end, code, next }) => ({
      uid: `del_${id}`,
      event_id: id,
      endpoint_id: 'ep_1',
      status: code === 200 ? 'Success' : 'Retry',
      latency_seconds: 0.1,
      acknowledged_at: iso(start),
      created_at: iso(start),
      updated_at: iso(end),
      metadata: { num_trials: 1, next_send_time: next === null ? null : iso(next), interval_seconds: 5 },
    }),
  );
  const convoyAttempts = all.map(({ id, start, end, code }, index) => ({
    uid: `att_${index}`,
    msg_id: `del_${id}`,
    http_status: `${code} X`,
    status: code === 200,
    error: null,
    requested_at: iso(start),
    responded_at: iso(end),
    created_at: iso(start),
  }));
  const eventbridge = all.flatMap(({ id, start, end, code }) => {
    const common = {
      resource_arn: 'arn:aws:events:eu-west-1:1:event-bus/b',
      request_id: 'r',
      event_id: id,
      invocation_id: 'i',
      log_level: 'TRACE',
      details: { target_arn: 'arn:aws:t' },
    };
    return [
      { ...common, message_timestamp_ms: start, message_type: 'INVOCATION_ATTEMPT_START' },
      {
        ...common,
        message_timestamp_ms: end,
        message_type: code === 200 ? 'INVOCATION_SUCCESS' : 'INVOCATION_ATTEMPT_RETRYABLE_FAILURE',
        error: code === 200 ? null : { http_status_code: code, error_message: 'x' },
      },
    ];
  });
  const posthorn = [...Map.groupBy(all, ({ id }) => id)].map(([id, tries]) => ({
    id: `dlv_${id}`,
    event_id: id,
    event_type: 'payment.succeeded',
    tenant: 'default',
    endpoint_id: 'ep_1',
    state: tries.at(-1)!.code === 200 ? 'delivered' : 'pending',
    created_at: iso(tries[0]!.start),
    due_at: tries.at(-1)!.next === null ? null : iso(tries.at(-1)!.next!),
    settled_at: iso(tries.at(-1)!.end),
    attempts: tries.map(({ attempt, start, end, code }) => ({
      n: attempt,
      started_at: iso(start),
      duration_ms: end - start,
      status_code: code,
      outcome: code === 200 ? 'delivered' : 'retry',
      error_class: null,
      node: 'n1',
    })),
  }));
  const csv = (delimiter: string): string =>
    [
      ['timestamp', 'messageId', 'destination', 'try', 'http_status', 'latency_s', 'sum'].join(delimiter),
      ...all.map(({ id, attempt, start, end, code, amount }) =>
        [start / 1000, id, 'orders', attempt, code, (end - start) / 1000, (amount / 100).toFixed(2)].join(
          delimiter,
        ),
      ),
    ].join('\r\n');
  const startEnd = all.flatMap(({ id, attempt, start, end, code }) => [
    { time: start, event: 'attempt_started', webhook: { id }, attempt_number: attempt },
    {
      time: end,
      event: code === 200 ? 'attempt_succeeded' : 'attempt_failed',
      webhook: { id },
      attempt_number: attempt,
      response: { status: code },
    },
  ]);
  const nginx = all.map(
    ({ id, start, end, code }) =>
      `10.0.0.1 - - [${new Date(end).getUTCDate().toString().padStart(2, '0')}/Mar/2026:${iso(end).slice(11, 19)} +0000] "POST /hook HTTP/1.1" ${code} 12 "-" "sender/1" request_time=${((end - start) / 1000).toFixed(3)} webhook_id=${id}`,
  );
  const envoy = all.map(
    ({ id, start, end, code }) =>
      `[${iso(start)}] "POST /hook HTTP/1.1" ${code} ${code === 200 ? '-' : 'UF'} 120 5 ${end - start} 80 "-" "sender" "req-${id}-${start}" "orders.example.com" "10.0.0.9:443" "${id}"`,
  );
  test.each<readonly [string, string, () => string[], string]>([
    ['generic JSON lines', 'generic', () => [fileOf(jsonLines(all.map(plain)))], 'generic'],
    [
      'gzip without the ending',
      'generic',
      () => [fileOf(gzipSync(jsonLines(all.map(plain))), 'log')],
      'generic',
    ],
    ['a JSON array', 'generic', () => [fileOf(JSON.stringify(all.map(plain), null, 1), 'json')], 'generic'],
    ['CSV with semicolons and seconds', 'generic', () => [fileOf(csv(';'), 'csv')], 'generic'],
    ['CSV with tabs', 'generic', () => [fileOf(csv('\t'), 'tsv')], 'generic'],
    ['start and end lines', 'generic', () => [fileOf(jsonLines(startEnd))], 'generic'],
    [
      'UTF-16',
      'generic',
      () => [fileOf(Buffer.from(`\uFEFF${jsonLines(all.map(plain))}`, 'utf16le'))],
      'generic',
    ],
    ['Svix, as its API answers', 'svix', () => [fileOf(envelope(svix), 'json')], 'svix'],
    ['Svix, JSON lines', 'svix', () => [fileOf(jsonLines(svix))], 'svix'],
    [
      'Convoy, deliveries and attempts',
      'convoy',
      () => [fileOf(jsonLines(convoy)), fileOf(jsonLines(convoyAttempts))],
      'convoy',
    ],
    ['EventBridge', 'eventbridge', () => [fileOf(jsonLines(eventbridge))], 'eventbridge'],
    ['Posthorn', 'posthorn', () => [fileOf(jsonLines(posthorn))], 'posthorn'],
    ['nginx', 'nginx', () => [fileOf(nginx.join('\n'), 'log')], 'nginx'],
    ['Envoy', 'envoy', () => [fileOf(envoy.join('\n'), 'log')], 'envoy'],
  ])('%s', async (_, format, make) => {
    const { result, ids } = await dropped({
      files: make(),
      horizonMs: format === 'eventbridge' ? 60_000 : undefined,
    });
    expect(result.source.format).toBe(format);
    expect(ids).toEqual(expected);
    expect(result.events).toBe(500);
    expect(result.attempts).toBe(all.length);
  });
});
