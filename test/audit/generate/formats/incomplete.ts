import { drawnAt } from '../../../../packages/posthorn/src/runtime/seeded-random.ts';
import type { GeneratedEvent, GeneratedLog, Row } from '../model.ts';
import { csv, iso, lines, type LogFormat } from './format.ts';
import { generic, jsonLines, recordsOf } from './generic.ts';

// Logs as people have them: something is missing without which the lost events cannot be determined. The audit must say so, and
// accuse of nothing.

type Keep = (row: Row, event: GeneratedEvent, log: GeneratedLog) => boolean;

/** The log without the rows that a collector did not keep. */
const only = (log: GeneratedLog, keep: Keep): GeneratedLog => ({
  ...log,
  events: log.events.map((event) => ({
    ...event,
    rows: event.rows.filter((row) => keep(row, event, log)),
  })),
});

const isSuccess = ({ state }: Row): boolean => state === 'delivered';
const chance = ({ recipe }: GeneratedLog, event: GeneratedEvent, row: Row): number =>
  drawnAt(recipe.seed, event.number, row.attempt, row.startedAt % 4093);

/** Three receivers for each event, whose rows have one id and no endpoint. */
function fannedOut(log: GeneratedLog): string {
  const firsts = log.events.filter((_, index) => index % 3 === 0);
  const shifted = log.events.map((event, index) => {
    const first = firsts[Math.floor(index / 3)]!;
    const by = first.acceptedAt - event.acceptedAt;
    return {
      ...event,
      id: first.id,
      acceptedAt: first.acceptedAt,
      rows: event.rows.map((row) => ({
        ...row,
        startedAt: row.startedAt + by,
        endedAt: row.endedAt === null ? null : row.endedAt + by,
        nextRetryAt: row.nextRetryAt === null ? null : row.nextRetryAt + by,
      })),
    };
  });
  return lines(
    recordsOf({ ...log, events: shifted }).map((record) => ({
      ...record,
      endpoint: undefined,
      payment_id: undefined,
    })),
  );
}

/** A tenth of the lines are cut in the middle, as by a collector that limits their length. */
function cutLines(log: GeneratedLog): string {
  return jsonLines(log)
    .trimEnd()
    .split('\n')
    .map(
      (line, at) => `${drawnAt(log.recipe.seed, at, 0, 1) < 0.1 ? line.slice(0, line.length / 2) : line}\n`,
    )
    .join('');
}

/** Rows of a table of attempts with the number of the row, and nothing that joins them. */
function numberedRows(log: GeneratedLog): string {
  const rows = recordsOf(log).map((record, at) =>
    [100_000 + at, record['ts'], record['endpoint'], record['attempt'], record['status_code'] ?? ''].join(
      ',',
    ),
  );
  return csv('id,created_at,url,attempt,response_status', rows);
}

const incomplete = (
  name: string,
  file: string,
  content: (log: GeneratedLog) => string,
  more: Partial<LogFormat> = {},
): LogFormat => ({
  ...generic,
  name,
  kind: 'incomplete',
  hasMoney: false,
  files: (log) => [{ name: file, content: content(log) }],
  ...more,
});

const kept = (name: string, keep: Keep): LogFormat =>
  incomplete(name, 'attempts.jsonl', (log) => jsonLines(only(log, keep)));

export const incompleteFormats: readonly LogFormat[] = [
  kept('one of four workers missing', ({ worker }) => worker !== 2),
  kept('one worker missing for a day', ({ worker, startedAt }, _, { from, until }) => {
    const middle = (from + until) / 2;
    return worker !== 1 || startedAt < middle || startedAt > middle + 86_400_000;
  }),
  kept('failures only', (row) => !isSuccess(row)),
  kept(
    'a tenth of the successes missing',
    (row, event, log) => !isSuccess(row) || chance(log, event, row) >= 0.1,
  ),
  kept('one success in ten', (row, event, log) => !isSuccess(row) || chance(log, event, row) < 0.1),
  incomplete('a tenth of the lines cut', 'attempts.jsonl', cutLines),
  incomplete('several receivers, no endpoint', 'attempts.jsonl', fannedOut),
  incomplete('ids of rows', 'attempts.csv', numberedRows),
];

/** The last state of an event, as a table of deliveries has it. */
function lastState(event: GeneratedEvent): string {
  const last = event.rows.at(-1)!;
  const state = { sending: 'SENDING', retrying: 'RETRYING', delivered: 'DELIVERED', failed: 'FAILED' }[
    last.state
  ];
  return [
    event.id,
    event.endpoint,
    state,
    event.rows.length,
    last.status ?? '',
    iso(event.acceptedAt),
    iso(last.endedAt ?? last.startedAt),
    last.nextRetryAt === null ? '' : iso(last.nextRetryAt),
    event.paymentId,
    event.amountMinor,
    event.currency,
  ].join(',');
}

export const stateFormats: readonly LogFormat[] = [
  incomplete(
    'a table of deliveries',
    'deliveries.csv',
    (log) =>
      csv(
        'id,endpoint,status,attempts,response_status,created_at,updated_at,next_retry_at,payment_id,amount_minor,currency',
        log.events.filter(({ rows }) => rows.length > 0).map(lastState),
      ),
    { kind: 'states' },
  ),
];
