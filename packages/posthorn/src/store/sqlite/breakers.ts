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

/** A migration: breaker state in the endpoint's row. `breaker_at` is when it last opened or closed. */
export const breakerColumns = `
  ALTER TABLE endpoints ADD COLUMN breaker_open_since INTEGER;
  ALTER TABLE endpoints ADD COLUMN breaker_at INTEGER;
  CREATE INDEX endpoints_broken ON endpoints (id) WHERE breaker_open_since IS NOT NULL;
`;

/** A migration: until when the receiver asked for no requests, and when that was learned or cleared. */
export const throttleColumns = `
  ALTER TABLE endpoints ADD COLUMN throttled_until INTEGER;
  ALTER TABLE endpoints ADD COLUMN throttled_at INTEGER;
  CREATE INDEX endpoints_throttled ON endpoints (throttled_until) WHERE throttled_until IS NOT NULL;
`;

// The later word counts; but one that lies in the future is of a clock that was wrong.
const isLater = (column: string): string =>
  `(coalesce(${column}, ?2) <= ?2 OR ${column} > ?2 + ${clockSlackMs})`;

export function saveBreakers(db: Database, changes: readonly BreakerChange[]): void {
  db.transaction(() => {
    for (const { endpointId, url, open, at } of changes) {
      db.run(
        `UPDATE endpoints SET breaker_open_since = ?1, breaker_at = ?2
         WHERE id = ?3 AND json_extract(document, '$.url') = ?4 AND ${isLater('breaker_at')}`,
        open ? at : null,
        at,
        endpointId,
        url,
      );
    }
  });
}

export function saveThrottles(db: Database, changes: readonly ThrottleChange[]): void {
  db.transaction(() => {
    for (const { endpointId, url, until, at } of changes) {
      db.run(
        `UPDATE endpoints SET throttled_until = ?1, throttled_at = ?2
         WHERE id = ?3 AND json_extract(document, '$.url') = ?4 AND ${isLater('throttled_at')}`,
        until,
        at,
        endpointId,
        url,
      );
    }
  });
}

export function throttles(db: Database, now: number): Throttle[] {
  return db
    .all(
      'SELECT id, throttled_until FROM endpoints WHERE throttled_until > ? AND throttled_until IS NOT NULL AND deleted_at IS NULL',
      now,
    )
    .map(([id, until]) => ({ endpointId: id as string, until: until as number }));
}

export function clearThrottle(db: Database, endpointId: string, now: number): boolean {
  return db.transaction(
    () =>
      db.run(
        'UPDATE endpoints SET throttled_until = NULL, throttled_at = ? WHERE id = ? AND throttled_until IS NOT NULL',
        now,
        endpointId,
      ) > 0,
  );
}

export function openBreakers(db: Database): OpenBreaker[] {
  return db
    .all(
      'SELECT id, breaker_open_since FROM endpoints WHERE breaker_open_since IS NOT NULL AND deleted_at IS NULL',
    )
    .map(([id, since]) => ({ endpointId: id as string, openSince: since as number }));
}

/** A migration: the certificate that the receiver presented last, when it ends, and when it was seen. */
export const serverCertificateColumns = `
  ALTER TABLE endpoints ADD COLUMN server_certificate TEXT;
  ALTER TABLE endpoints ADD COLUMN server_certificate_ends INTEGER;
  ALTER TABLE endpoints ADD COLUMN server_certificate_at INTEGER;
  CREATE INDEX endpoints_server_certificate ON endpoints (server_certificate_ends) WHERE server_certificate_ends IS NOT NULL;
`;

export function saveServerCertificates(db: Database, seen: readonly SeenCertificate[]): void {
  db.transaction(() => {
    for (const { endpointId, url, certificate, at } of seen) {
      db.run(
        `UPDATE endpoints SET server_certificate = ?1, server_certificate_at = ?2, server_certificate_ends = ?5
         WHERE id = ?3 AND json_extract(document, '$.url') = ?4 AND ${isLater('server_certificate_at')}`,
        JSON.stringify(certificate),
        at,
        endpointId,
        url,
        certificate.notAfter,
      );
    }
  });
}

export function serverCertificates(db: Database, endsBefore: number): ServerCertificate[] {
  return db
    .all(
      `SELECT id, server_certificate FROM endpoints
       WHERE server_certificate_ends < ? AND server_certificate_ends IS NOT NULL AND deleted_at IS NULL`,
      endsBefore,
    )
    .map(([id, text]) => ({
      endpointId: id as string,
      certificate: db.json(text, "a receiver's certificate") as Certificate,
    }));
}

export function receiverHealth(db: Database, endpointIds: readonly string[], now: number): ReceiverHealth[] {
  return db
    .all(
      `SELECT id, breaker_open_since, CASE WHEN throttled_until > ?2 THEN throttled_until END, failing_since, server_certificate,
         ${contactColumns.join(', ')}
       FROM endpoints WHERE id IN (SELECT value FROM json_each(?1)) AND deleted_at IS NULL AND (breaker_open_since IS NOT NULL
         OR throttled_until > ?2 OR failing_since IS NOT NULL OR server_certificate IS NOT NULL
         OR last_success_at IS NOT NULL OR last_failure_at IS NOT NULL)`,
      JSON.stringify(endpointIds),
      now,
    )
    .map((row) => {
      const [id, openSince, throttledUntil, failingSince, certificate] = row;
      return {
        endpointId: id as string,
        openSince: openSince as number | null,
        throttledUntil: throttledUntil as number | null,
        failingSince: failingSince as number | null,
        serverCertificate:
          certificate === null ? null : (db.json(certificate!, "a receiver's certificate") as Certificate),
        contact: contactOf(row, 5),
      };
    });
}
