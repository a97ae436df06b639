import { alertTenant } from '../domain/alert.ts';
import { deliveryId } from '../domain/ids.ts';
import { exactMinor } from '../domain/money.ts';
import { iso } from '../domain/time.ts';
import type { StoreRead } from '../store/store.ts';

const page = 1000;
const isoOrNull = (at: number | null): string | null => (at === null ? null : iso(at));

/**
 * Posthorn's own log: a line of JSON for each delivery with its attempts, newest first, in the words of
 * `GET /v1/deliveries/{id}`, with the event's value. `prefix` comes before each event's id, to keep several stores apart.
 */
export async function* deliveryLines(
  store: Pick<StoreRead, 'deliveries' | 'attempts' | 'event'>,
  prefix: string,
): AsyncGenerator<string> {
  for (let before: number | null = null; ;) {
    const rows: Awaited<ReturnType<StoreRead['deliveries']>> = await store.deliveries(
      { exceptTenant: alertTenant },
      { after: before, limit: page },
    );
    for (const row of rows) {
      const event = await store.event(row.tenant, row.eventId);
      const attempts = await store.attempts(row.number);
      yield JSON.stringify({
        id: deliveryId(row.number),
        event_id: `${prefix}${row.eventId}`,
        event_type: row.eventType,
        tenant: row.tenant,
        endpoint_id: row.endpointId,
        state: row.state,
        due_at: isoOrNull(row.dueAt),
        created_at: iso(row.createdAt),
        settled_at: isoOrNull(row.settledAt),
        reason: row.reason,
        value:
          event === null || event.value === null
            ? null
            : { amount_minor: exactMinor(event.value.amountMinor), currency: event.value.currency },
        attempts: attempts.map((attempt) => ({
          n: attempt.n,
          started_at: iso(attempt.startedAt),
          duration_ms: attempt.durationMs,
          status_code: attempt.statusCode,
          outcome: attempt.outcome,
          error_class: attempt.errorClass,
          trigger: attempt.trigger,
          node: attempt.node,
        })),
      });
    }
    if (rows.length < page) return;
    before = rows.at(-1)!.number;
  }
}
