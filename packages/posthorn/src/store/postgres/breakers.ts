import { contactColumns, contactOf } from '../contacts.ts';
import { clockSlackMs } from '../rows.ts';
import type { Certificate } from '../../domain/reach.ts';
import type {
  BreakerChange,
  OpenBreaker,
  ReceiverHealth,
  SeenCertificate,
  ServerCertificate,
  Throttle,
  ThrottleChange,
} from '../breakers.ts';
import type { Database } from './database.ts';
import { announced } from './announced.ts';

/**
 * A migration: breaker state in the endpoint's row. `breaker_at` is when it last opened or closed. It leaves the
 * version of the configuration alone, because no fan-out depends on it.
 */
export const breakerColumns = `
  ALTER TABLE posthorn.endpoints ADD COLUMN breaker_open_since bigint, ADD COLUMN breaker_at bigint;
  CREATE INDEX endpoints_broken ON posthorn.endpoints (id) WHERE breaker_open_since IS NOT NULL;
`;

/** A migration: until when the receiver asked for no requests, and when that was learned or cleared. */
export const throttleColumns = `
  ALTER TABLE posthorn.endpoints ADD COLUMN throttled_until bigint, ADD COLUMN throttled_at bigint;
  CREATE INDEX endpoints_throttled ON posthorn.endpoints (throttled_until) WHERE throttled_until IS NOT NULL;
`;

/**
 * Changes of these endpoints' rows, locked in one order on every node, so that two writers never wait for each other in a
 * circle. A change about a former URL is dropped. The later word counts; but one that lies in the future is of a clock
 * that was wrong.
 */
const changes = (type: string, column: string): string => `WITH c AS MATERIALIZED (
    SELECT e.num, c.* FROM unnest($1::text[], $2::text[], $3::${type}[], $4::bigint[]) AS c (id, url, value, at)
    JOIN posthorn.endpoints e ON e.id = c.id WHERE e.document ->> 'url' = c.url
      AND (coalesce(e.${column}, c.at) <= c.at OR e.${column} > c.at + ${clockSlackMs})
    ORDER BY e.num FOR UPDATE OF e)`;

export async function saveBreakers(db: Database, saved: readonly BreakerChange[]): Promise<void> {
  await db.query(
    'breakers_save',
    `${changes('boolean', 'breaker_at')}
     UPDATE posthorn.endpoints e SET breaker_open_since = CASE WHEN c.value THEN c.at END, breaker_at = c.at FROM c
     WHERE e.num = c.num`,
    [
      saved.map(({ endpointId }) => endpointId),
      saved.map(({ url }) => url),
      saved.map(({ open }) => open),
      saved.map(({ at }) => at),
    ],
  );
}

export async function saveThrottles(db: Database, saved: readonly ThrottleChange[]): Promise<void> {
  await db.query(
    'throttles_save',
    `${changes('bigint', 'throttled_at')}
     UPDATE posthorn.endpoints e SET throttled_until = c.value, throttled_at = c.at FROM c WHERE e.num = c.num`,
    [
      saved.map(({ endpointId }) => endpointId),
      saved.map(({ url }) => url),
      saved.map(({ until }) => until),
      saved.map(({ at }) => at),
    ],
  );
}

export async function throttles(db: Database, now: number): Promise<Throttle[]> {
  const rows = await db.query(
    'throttles',
    'SELECT id, throttled_until FROM posthorn.endpoints WHERE throttled_until > $1 AND deleted_at IS NULL',
    [now],
  );
  return rows.map(([id, until]) => ({ endpointId: id as string, until: until as number }));
}

export async function clearThrottle(db: Database, endpointId: string, now: number): Promise<boolean> {
  const rows = await db.query(
    'throttle_stands',
    'SELECT 1 FROM posthorn.endpoints WHERE id = $1 AND throttled_until IS NOT NULL',
    [endpointId],
  );
  if (rows.length === 0) return false;
  // The other nodes obey it too, so they are notified at once.
  return await announced(db, async (connection) => {
    const cleared = await connection.query(
      'throttle_clear',
      `UPDATE posthorn.endpoints SET throttled_until = NULL, throttled_at = $2
       WHERE id = $1 AND throttled_until IS NOT NULL RETURNING num`,
      [endpointId, now],
    );
    return cleared.length > 0;
  });
}

export async function openBreakers(db: Database): Promise<OpenBreaker[]> {
  const rows = await db.query(
    'breakers_open',
    'SELECT id, breaker_open_since FROM posthorn.endpoints WHERE breaker_open_since IS NOT NULL AND deleted_at IS NULL',
  );
  return rows.map(([id, since]) => ({ endpointId: id as string, openSince: since as number }));
}

/** A migration: the certificate that the receiver presented last, when it ends, and when it was seen. */
export const serverCertificateColumns = `
  ALTER TABLE posthorn.endpoints ADD COLUMN server_certificate jsonb, ADD COLUMN server_certificate_ends bigint,
    ADD COLUMN server_certificate_at bigint;
  CREATE INDEX endpoints_server_certificate ON posthorn.endpoints (server_certificate_ends)
    WHERE server_certificate_ends IS NOT NULL;
`;

export async function saveServerCertificates(db: Database, seen: readonly SeenCertificate[]): Promise<void> {
  await db.query(
    'server_certificates_save',
    `${changes('text', 'server_certificate_at')}
     UPDATE posthorn.endpoints e SET server_certificate = c.value::jsonb, server_certificate_at = c.at,
       server_certificate_ends = (c.value::jsonb ->> 'notAfter')::bigint FROM c WHERE e.num = c.num`,
    [
      seen.map(({ endpointId }) => endpointId),
      seen.map(({ url }) => url),
      seen.map(({ certificate }) => JSON.stringify(certificate)),
      seen.map(({ at }) => at),
    ],
  );
}

export async function serverCertificates(db: Database, endsBefore: number): Promise<ServerCertificate[]> {
  const rows = await db.query(
    'server_certificates',
    'SELECT id, server_certificate FROM posthorn.endpoints WHERE server_certificate_ends < $1 AND deleted_at IS NULL',
    [endsBefore],
  );
  return rows.map(([id, certificate]) => ({
    endpointId: id as string,
    certificate: certificate as unknown as Certificate,
  }));
}

export async function receiverHealth(
  db: Database,
  endpointIds: readonly string[],
  now: number,
): Promise<ReceiverHealth[]> {
  const rows = await db.query(
    'receiver_health',
    `SELECT id, breaker_open_since, CASE WHEN throttled_until > $2 THEN throttled_until END, failing_since, server_certificate,
       ${contactColumns.join(', ')}
     FROM posthorn.endpoints WHERE id = ANY ($1::text[]) AND deleted_at IS NULL AND (breaker_open_since IS NOT NULL
       OR throttled_until > $2 OR failing_since IS NOT NULL OR server_certificate IS NOT NULL
       OR last_success_at IS NOT NULL OR last_failure_at IS NOT NULL)`,
    [endpointIds, now],
  );
  return rows.map((row) => {
    const [id, openSince, throttledUntil, failingSince, certificate] = row;
    return {
      endpointId: id as string,
      openSince: openSince as number | null,
      throttledUntil: throttledUntil as number | null,
      failingSince: failingSince as number | null,
      serverCertificate: certificate as unknown as Certificate | null,
      contact: contactOf(row, 5),
    };
  });
}
