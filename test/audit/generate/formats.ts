import { gzipSync } from 'node:zlib';
import type { Format } from '../../../src/audit/result.ts';
import { exponentOf } from '../../../src/domain/money.ts';
import { formatRandom, rowsInOrder } from './generate.ts';
import {
  type GeneratedEvent,
  type GeneratedLog,
  type InjectedCause,
  injectable,
  ordinarySchedule,
  type Row,
} from './model.ts';

/** A log as a sender of some make writes it. */
export interface LogFormat {
  readonly name: string;
  /** As what the audit is to recognise it. */
  readonly is: Format;
  readonly schedule: readonly number[];
  readonly givesUp: boolean;
  /** Causes that a log of this kind can show. */
  readonly shows: readonly InjectedCause[];
  readonly hasMoney: boolean;
  /** `--map`, for names that nobody could guess. */
  readonly mapping?: Readonly<Record<string, string>>;
  readonly files: (log: GeneratedLog) => { readonly name: string; readonly content: string | Buffer }[];
}

const iso = (at: number): string => new Date(at).toISOString();
const isoOrNull = (at: number | null): string | null => (at === null ? null : iso(at));
const lines = (rows: readonly unknown[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
const without = (...causes: InjectedCause[]): InjectedCause[] =>
  injectable.filter((cause) => !causes.includes(cause));
const took = ({ startedAt, endedAt }: Row): number => (endedAt ?? startedAt) - startedAt;

/** One row for each attempt, with its real end: what a log has that writes when a request is over. */
function ended(log: GeneratedLog): { event: GeneratedEvent; row: Row }[] {
  const last = new Map<string, { event: GeneratedEvent; row: Row }>();
  for (const one of rowsInOrder(log.events))
    if (one.row.endedAt !== null) last.set(`${one.event.id} ${one.row.startedAt} ${one.row.worker}`, one);
  return [...last.values()].toSorted((a, b) => a.row.endedAt! - b.row.endedAt!);
}

const jsonLines = (log: GeneratedLog): string =>
  lines(
    rowsInOrder(log.events).map(({ event, row }) => ({
      ts: iso(row.endedAt ?? row.startedAt),
      event_id: event.id,
      event_type: event.type,
      payment_id: event.paymentId,
      endpoint: event.endpoint,
      attempt: row.attempt,
      started_at: iso(row.startedAt),
      ended_at: isoOrNull(row.endedAt),
      status_code: row.status,
      error: row.error,
      status: row.state,
      next_retry_at: isoOrNull(row.nextRetryAt),
      ...(row.retryAfterS === null ? {} : { retry_after: row.retryAfterS }),
      worker: `worker-${row.worker}`,
      bytes: event.bytes,
      amount_minor: event.amountMinor,
      currency: event.currency,
    })),
  );

const csv = (header: string, rows: readonly string[]): string => `${header}\n${rows.join('\n')}\n`;

function decimals(amountMinor: number, currency: string): string {
  return (amountMinor / 10 ** exponentOf(currency)).toFixed(exponentOf(currency));
}

const csvFields = [
  'event_id',
  'event_type',
  'endpoint',
  'attempt_no',
  'started_at',
  'duration',
  'status_code',
  'error',
  'state',
  'next_retry_at',
  'bytes',
  'amount',
  'currency',
  'payment_id',
  'retry_after',
] as const;
const csvNames = [
  'event_id',
  'event_type',
  'url',
  'attempt_number',
  'started_at',
  'duration_s',
  'http_status',
  'error_message',
  'status',
  'next_attempt_at',
  'payload_bytes',
  'amount',
  'currency',
  'payment_id',
  'retry_after_s',
];

/** Epoch milliseconds, durations in units of so many ms, and amounts in major units. */
const commaSeparated = (log: GeneratedLog, header: readonly string[], unitMs: number): string =>
  csv(
    header.join(','),
    rowsInOrder(log.events).map(({ event, row }) =>
      [
        event.id,
        event.type,
        event.endpoint,
        row.attempt,
        row.startedAt,
        row.endedAt === null ? '' : String(took(row) / unitMs),
        row.status ?? '',
        row.error ?? '',
        row.state,
        row.nextRetryAt ?? '',
        event.bytes,
        decimals(event.amountMinor, event.currency),
        event.currency,
        event.paymentId,
        row.retryAfterS ?? '',
      ].join(','),
    ),
  );

const generic = {
  is: 'generic',
  schedule: ordinarySchedule,
  givesUp: true,
  shows: injectable,
  hasMoney: true,
} as const;

// 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 10 h (Svix), a fifth more or less.
const svixSchedule = [5, 300, 1800, 7200, 18_000, 36_000, 36_000].map((s) => s * 1000);

const convoyStates = {
  sending: 'Processing',
  retrying: 'Retry',
  delivered: 'Success',
  failed: 'Failure',
} as const;

const eventBridgeEnd = (row: Row): string => {
  if (row.state === 'delivered') return 'INVOCATION_SUCCESS';
  return row.state === 'failed'
    ? 'INVOCATION_ATTEMPT_PERMANENT_FAILURE'
    : 'INVOCATION_ATTEMPT_RETRYABLE_FAILURE';
};

const reasons: Readonly<Record<number, string>> = {
  200: 'OK',
  413: 'Payload Too Large',
  422: 'Unprocessable Entity',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
};

const envoyFlags: Readonly<Record<string, string>> = {
  timeout: 'UT',
  reset: 'UC',
  ECONNRESET: 'UC',
  ECONNREFUSED: 'UF',
  ENOTFOUND: 'DF',
  CERT_HAS_EXPIRED: 'UF',
};

const hostOf = (event: GeneratedEvent): string => new URL(event.endpoint).host;
const addressOf = (event: GeneratedEvent): string => `10.0.${hostOf(event).length}.7:443`;

/** What a proxy answers to its client where the upstream did not. */
const proxyStatus = (row: Row): number => row.status ?? (row.error === 'timeout' ? 504 : 503);

export const logFormats: readonly LogFormat[] = [
  {
    ...generic,
    name: 'generic JSON lines',
    files: (log) => [{ name: 'attempts.jsonl', content: jsonLines(log) }],
  },
  {
    ...generic,
    name: 'generic JSON lines, gzip, two files',
    files: (log) => {
      const all = jsonLines(log).split(/(?<=\n)/);
      const half = all.length >> 1;
      return [all.slice(0, half), all.slice(half)].map((part, index) => ({
        name: `attempts-${index}.jsonl.gz`,
        content: gzipSync(part.join('')),
      }));
    },
  },
  {
    ...generic,
    name: 'generic CSV',
    files: (log) => [{ name: 'attempts.csv', content: commaSeparated(log, csvNames, 1000) }],
  },
  {
    ...generic,
    name: 'CSV with a mapping',
    // Names that say nothing, as an export of somebody's tables has them.
    mapping: Object.fromEntries(csvFields.map((field, index) => [field, `c${index + 1}`])),
    files: (log) => [
      {
        name: 'export.csv',
        content: commaSeparated(
          log,
          csvFields.map((_, index) => `c${index + 1}`),
          1,
        ),
      },
    ],
  },
  {
    name: 'Svix message attempts',
    is: 'svix',
    schedule: svixSchedule,
    givesUp: true,
    // No numbers, no states between, no sizes and no types; and no line at all without an attempt.
    shows: without('counter_reset', 'poison', 'rate_limited'),
    hasMoney: false,
    files: (log) => [
      {
        name: 'attempts.jsonl',
        content: lines(
          ended(log).map(({ event, row }, index) => ({
            id: `atmpt_${index.toString(36).padStart(8, '0')}`,
            msgId: event.id.replace('evt', 'msg'),
            endpointId: `ep_${hostOf(event).split('.')[0]}`,
            url: event.endpoint,
            timestamp: iso(row.startedAt),
            response: row.error ?? '',
            responseStatusCode: row.status ?? 0,
            responseDurationMs: took(row),
            status: row.state === 'delivered' ? 0 : 2,
            statusText: row.state === 'delivered' ? 'success' : 'fail',
            triggerType: 0,
          })),
        ),
      },
    ],
  },
  {
    name: 'Convoy deliveries and attempts',
    is: 'convoy',
    schedule: ordinarySchedule,
    givesUp: true,
    shows: without('counter_reset', 'rate_limited', 'poison'),
    hasMoney: false,
    files: (log) => [
      {
        name: 'event-deliveries.jsonl',
        content: lines(
          log.events.map((event) => {
            const last = event.rows.toSorted((a, b) => (a.endedAt ?? 0) - (b.endedAt ?? 0)).at(-1);
            return {
              uid: `del_${event.id}`,
              event_id: event.id,
              endpoint_id: hostOf(event),
              event_type: event.type,
              status: last === undefined ? 'Scheduled' : convoyStates[last.state],
              created_at: iso(event.acceptedAt),
              updated_at: iso(last?.endedAt ?? event.acceptedAt),
              acknowledged_at: iso(event.acceptedAt),
              latency_seconds: last?.endedAt ? (last.endedAt - event.acceptedAt) / 1000 : 0,
              metadata: {
                num_trials: new Set(event.rows.map(({ attempt }) => attempt)).size,
                retry_limit: log.recipe.schedule.length + 1,
                next_send_time: isoOrNull(last?.nextRetryAt ?? null),
                interval_seconds: 5,
              },
            };
          }),
        ),
      },
      {
        name: 'delivery-attempts.jsonl',
        content: lines(
          ended(log).map(({ event, row }, index) => ({
            uid: `att_${index.toString(36)}`,
            msg_id: `del_${event.id}`,
            endpoint_id: hostOf(event),
            url: event.endpoint,
            method: 'POST',
            http_status: row.status === null ? '' : `${row.status} ${reasons[row.status] ?? ''}`,
            error: row.error ?? '',
            status: row.state === 'delivered',
            requested_at: iso(row.startedAt),
            responded_at: iso(row.endedAt!),
            created_at: iso(row.endedAt!),
          })),
        ),
      },
    ],
  },
  {
    name: 'GitHub hook deliveries',
    is: 'github',
    schedule: ordinarySchedule,
    givesUp: false,
    shows: [
      'client_timeout',
      'endpoint_outage',
      'dns',
      'tls',
      'oversize',
      'poison',
      'acknowledged_unprocessed',
    ],
    hasMoney: false,
    files: (log) => [
      {
        name: 'deliveries.json',
        content: `${JSON.stringify(
          ended(log).map(({ event, row }, index) => ({
            id: 10_000_000_000 + index,
            guid: event.id,
            delivered_at: iso(row.startedAt),
            redelivery: row.attempt > 1,
            duration: took(row) / 1000,
            status:
              row.status === null
                ? row.error === 'timeout'
                  ? 'timed out'
                  : `failed to connect: ${row.error}`
                : (reasons[row.status] ?? 'Invalid HTTP Response'),
            status_code: row.status ?? 0,
            event: event.type.split('.')[0],
            action: event.type.split('.').slice(1).join('.'),
            installation_id: null,
            repository_id: 1296269,
            url: event.endpoint,
            throttled_at: null,
          })),
        )}\n`,
      },
    ],
  },
  {
    name: 'EventBridge',
    is: 'eventbridge',
    schedule: ordinarySchedule,
    givesUp: true,
    shows: without('counter_reset', 'retry_race', 'poison', 'rate_limited'),
    hasMoney: false,
    files: (log) => [
      {
        name: 'eventbridge.jsonl',
        content: lines(
          log.events
            .flatMap((event) => {
              const common = {
                resource_arn: 'arn:aws:events:eu-west-1:123456789012:event-bus/payments',
                request_id: `req-${event.id}`,
                event_id: event.id,
              };
              const details = {
                rule_arn: 'arn:aws:events:eu-west-1:123456789012:rule/payments/webhooks',
                target_arn: `arn:aws:events:eu-west-1:123456789012:api-destination/${hostOf(event)}/1`,
              };
              const invocation = { ...common, invocation_id: `inv-${event.id}` };
              return [
                {
                  ...common,
                  message_timestamp_ms: event.acceptedAt,
                  message_type: 'EVENT_RECEIPT',
                  log_level: 'TRACE',
                  details: { detail_type: event.type, source: 'payments' },
                },
                ...event.rows.flatMap((row) => [
                  {
                    ...invocation,
                    message_timestamp_ms: row.startedAt,
                    message_type: 'INVOCATION_ATTEMPT_START',
                    log_level: 'TRACE',
                    details,
                  },
                  ...(row.endedAt === null
                    ? []
                    : [
                        {
                          ...invocation,
                          message_timestamp_ms: row.endedAt,
                          message_type: eventBridgeEnd(row),
                          log_level: row.state === 'delivered' ? 'INFO' : 'ERROR',
                          details,
                          ...(row.state === 'delivered'
                            ? {}
                            : {
                                error: {
                                  http_status_code: row.status,
                                  error_message: row.error ?? reasons[row.status ?? 0],
                                },
                              }),
                        },
                      ]),
                ]),
              ];
            })
            .toSorted((a, b) => a.message_timestamp_ms - b.message_timestamp_ms),
        ),
      },
    ],
  },
  {
    name: 'SNS delivery logs',
    is: 'sns',
    schedule: ordinarySchedule,
    givesUp: true,
    // One line for each message, when all is over: what has no line shows only against what was expected.
    shows: ['restart_loss', 'defect_onset', 'acknowledged_unprocessed'],
    hasMoney: false,
    files: (log) => [
      {
        name: 'sns.jsonl',
        content: lines(
          log.events
            .filter(({ rows }) => rows.some(({ state }) => state === 'delivered' || state === 'failed'))
            .map((event) => {
              const last = event.rows.find(({ state }) => state === 'delivered' || state === 'failed')!;
              return {
                notification: {
                  messageId: event.id,
                  topicArn: 'arn:aws:sns:eu-west-1:123456789012:payments',
                  timestamp: iso(event.acceptedAt),
                },
                delivery: {
                  deliveryId: `dlv-${event.id}`,
                  destination: event.endpoint,
                  providerResponse: reasons[last.status ?? 0] ?? last.error,
                  dwellTimeMs: took(last),
                  attempts: event.rows.length,
                  statusCode: last.status ?? 0,
                },
                status: last.state === 'delivered' ? 'SUCCESS' : 'FAILURE',
              };
            }),
        ),
      },
    ],
  },
  {
    name: 'Envoy access log',
    is: 'envoy',
    schedule: ordinarySchedule,
    givesUp: true,
    shows: [
      'retry_never_scheduled',
      'client_timeout',
      'endpoint_outage',
      'tls',
      'dns',
      'oversize',
      'acknowledged_unprocessed',
    ],
    hasMoney: false,
    files: (log) => {
      const random = formatRandom(log.recipe, 'envoy');
      return [
        {
          name: 'access.log',
          content: ended(log)
            .map(({ event, row }) => {
              const flag = row.error === null ? '-' : (envoyFlags[row.error] ?? 'UF');
              const upstream = row.error === 'CERT_HAS_EXPIRED' ? 'TLS_error:_certificate_has_expired' : '-';
              return `[${iso(row.startedAt)}] "POST ${new URL(event.endpoint).pathname} HTTP/1.1" ${proxyStatus(row)} ${flag} ${event.bytes} ${row.status === 200 ? 2 : 91} ${took(row)} ${row.status === null ? '-' : Math.max(1, took(row) - random.below(3))} "-" "payments/3.1" "${event.id}" "${hostOf(event)}" "${addressOf(event)}"${upstream === '-' ? '' : ` "${upstream}"`}\n`;
            })
            .join(''),
        },
      ];
    },
  },
  {
    name: 'nginx access log',
    is: 'nginx',
    schedule: ordinarySchedule,
    givesUp: true,
    shows: [
      'retry_never_scheduled',
      'client_timeout',
      'endpoint_outage',
      'oversize',
      'acknowledged_unprocessed',
    ],
    hasMoney: false,
    files: (log) => [
      {
        name: 'access.json',
        content: lines(
          ended(log).map(({ event, row }) => ({
            msec: (row.endedAt! / 1000).toFixed(3),
            request_id: event.id,
            host: hostOf(event),
            request_uri: '/webhooks',
            request_method: 'POST',
            status: proxyStatus(row),
            request_time: (took(row) / 1000).toFixed(3),
            request_length: event.bytes,
            upstream_addr: addressOf(event),
            upstream_status: row.status === null ? '504' : String(row.status),
            upstream_response_time: (took(row) / 1000).toFixed(3),
          })),
        ),
      },
    ],
  },
];

/** What ought to have been sent. Ids as the format writes them. */
export const expectedCsv = (log: GeneratedLog, format: LogFormat): string =>
  csv(
    'event_id,event_type,payment_id,amount_minor,currency,created_at',
    log.events.map(
      (event) =>
        `${idIn(event, format)},${event.type},${event.paymentId},${event.amountMinor},${event.currency},${iso(event.acceptedAt)}`,
    ),
  );

/** What the receivers processed. */
export const receivedCsv = (log: GeneratedLog, format: LogFormat): string =>
  csv(
    'event_id,processed_at',
    log.events
      .filter(({ received }) => received)
      .map(
        (event) => `${idIn(event, format)},${iso((event.rows.at(-1)?.endedAt ?? event.acceptedAt) + 200)}`,
      ),
  );

/** An event's id as a log of this format says it. */
export const idIn = (event: GeneratedEvent, { is }: LogFormat): string =>
  is === 'svix' ? event.id.replace('evt', 'msg') : event.id;
