import { operations, wireInput } from '@posthorn/client/operations';
import type { NewEvent, Receipt } from '@posthorn/client/types';
import type { Catalog } from '../service/catalog.ts';
import { eventFromObject, uncheckedEvents } from '../service/new-event.ts';
import { callersError } from './local-api.ts';
import { iso } from '../domain/time.ts';

/** What `use` needs of a client: that of `pg`, or what an ORM provides for its transaction. */
export interface SqlClient {
  query(text: string, values: unknown[]): Promise<{ rows: unknown[] }>;
}

/** The result of the SQL function. */
interface SqlReceipt extends Omit<Receipt, 'acceptedAt'> {
  /** In milliseconds since the epoch. */
  readonly accepted_at: number;
}

/**
 * Publishes an event in the transaction of `client`, by the SQL function: it commits with whatever else the transaction
 * does. A refusal by the database rejects as the client rejects it, and ends the transaction.
 */
export async function publishInTransaction(
  client: SqlClient,
  catalog: Pick<Catalog, 'check'>,
  given: NewEvent,
): Promise<Receipt> {
  const id = 'events.publish';
  try {
    const input = eventFromObject(wireInput(operations[id], given).body, '');
    const {
      type,
      id: eventId,
      ordering_key: key,
      routing_keys: routing,
      occurred_at: at,
      value,
    } = input.event;
    const [extracted] = await catalog.check(uncheckedEvents([input]));
    const { rows } = await client.query(
      `SELECT posthorn.publish($1, $2, $3::json, $4, $5, $6::timestamptz, $7, $8, $9::text[]) AS receipt`,
      [
        input.tenant,
        type,
        input.dataText,
        eventId ?? null,
        key ?? null,
        at ?? null,
        value?.amount_minor ?? extracted?.amountMinor.toString() ?? null,
        value?.currency ?? extracted?.currency ?? null,
        routing ?? null,
      ],
    );
    const { accepted_at: acceptedAt, ...receipt } = (rows[0] as { readonly receipt: SqlReceipt }).receipt;
    return { ...receipt, acceptedAt: iso(acceptedAt) };
  } catch (error) {
    throw callersError(id, error);
  }
}
