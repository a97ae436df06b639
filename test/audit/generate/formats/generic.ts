import { gzipSync } from 'node:zlib';
import { exponentOf } from '../../../../packages/posthorn/src/domain/money.ts';
import { rowsInOrder } from '../generate.ts';
import { type GeneratedLog, injectable, ordinarySchedule } from '../model.ts';
import { csv, iso, isoOrNull, lines, type LogFormat, took } from './format.ts';

// Logs of custom senders.

/** The lines of a log before they are JSON. */
export const recordsOf = (log: GeneratedLog): Readonly<Record<string, unknown>>[] =>
  rowsInOrder(log.events).map(({ event, row }) => ({
    ts: iso(row.endedAt ?? row.startedAt),
    event_id: event.id,
    event_type: event.type,
    ...(log.recipe.world?.endpoints === undefined ? {} : { tenant: event.tenant }),
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
  }));

export const jsonLines = (log: GeneratedLog): string => lines(recordsOf(log));

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

export const generic = {
  is: 'generic',
  kind: 'complete',
  schedule: ordinarySchedule,
  givesUp: true,
  shows: injectable,
  hasMoney: true,
} as const;

export const genericFormats: readonly LogFormat[] = [
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
    // Meaningless names, as in an export of custom tables.
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
];
