import { ordinarySchedule, type Row } from '../model.ts';
import { hostOf, iso, isoOrNull, lines, type LogFormat, took, without } from './format.ts';

const states = { sending: 'leased', retrying: 'pending', delivered: 'delivered', failed: 'dead' } as const;
const classes: Readonly<Record<string, string>> = {
  timeout: 'timeout',
  reset: 'connection',
  ECONNRESET: 'connection',
  ECONNREFUSED: 'connection',
  ENOTFOUND: 'dns',
  CERT_HAS_EXPIRED: 'tls',
};
const outcome = ({ state }: Row): string =>
  state === 'delivered' ? 'success' : state === 'failed' ? 'dead' : 'retry';

/** Lines of `posthorn deliveries --attempts` as if it had the defects: one delivery per line, with its attempts. */
export const posthorn: LogFormat = {
  name: 'Posthorn deliveries',
  is: 'posthorn',
  kind: 'complete',
  schedule: ordinarySchedule,
  givesUp: true,
  // Its attempts are numbered by the row; sizes and answers' Retry-After are not in it.
  shows: without('counter_reset', 'rate_limited', 'retry_race'),
  hasMoney: true,
  files: (log) => [
    {
      name: 'deliveries.jsonl',
      content: lines(
        log.events.map((event, index) => {
          const rows = event.rows.toSorted((a, b) => a.startedAt - b.startedAt);
          const last = rows.at(-1);
          const settled = last?.state === 'delivered' || last?.state === 'failed';
          return {
            id: `dlv_${String(index).padStart(8, '0')}`,
            event_id: event.id,
            event_type: event.type,
            tenant: event.tenant,
            endpoint_id: `ep_${hostOf(event)}`,
            state: last === undefined ? 'pending' : states[last.state],
            due_at: settled ? null : isoOrNull(last === undefined ? event.acceptedAt : last.nextRetryAt),
            created_at: iso(event.acceptedAt),
            settled_at: settled ? isoOrNull(last.endedAt) : null,
            reason: null,
            payment_id: event.paymentId,
            value: { amount_minor: event.amountMinor, currency: event.currency },
            attempts: rows
              .filter(({ endedAt }) => endedAt !== null)
              .map((row, n) => ({
                n: n + 1,
                started_at: iso(row.startedAt),
                duration_ms: took(row),
                status_code: row.status,
                outcome: outcome(row),
                error_class: row.error === null ? null : (classes[row.error] ?? 'connection'),
                trigger: 'schedule',
                node: `node-${row.worker}`,
              })),
          };
        }),
      ),
    },
  ],
};
