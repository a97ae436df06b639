import type { Certificate } from '../../domain/reach.ts';
import type { BreakerLookups, BreakerWrites, ReceiverHealth, ServerCertificate } from '../breakers.ts';
import { contactColumns, contactOf, type ContactWrites } from '../contacts.ts';
import { clockSlackMs } from '../rows.ts';
import { alone, type Cold, separately, transaction } from './methods.ts';
import { asJson, isAnyOf, jsonText, type ListedColumn, rowsFrom, table, updateEndpoints } from './pieces.ts';
import { raw, type Sql, sql } from './sql.ts';
import { announce, changes, row, rows, stored, type Steps } from './steps.ts';

interface Learned {
  readonly endpointId: string;
  readonly url: string;
  readonly at: number;
}

/**
 * Writes what was learned of endpoints into their rows, at most one change for each: `assignments` to a row `e` from a change `c`.
 * A change about a former URL is dropped. The later one counts, by the column of its time; but one that lies in the future is of a
 * clock that was wrong.
 */
function* saveLearned(
  learned: readonly Learned[],
  values: Readonly<Record<string, ListedColumn>>,
  timeColumn: string,
  assignments: Sql,
): Steps<void> {
  const given = rowsFrom('c', {
    id: { type: 'text', values: learned.map(({ endpointId }) => endpointId) },
    url: { type: 'text', values: learned.map(({ url }) => url) },
    at: { type: 'bigint', values: learned.map(({ at }) => at) },
    ...values,
  });
  const time = raw(`e.${timeColumn}`);
  const counts = sql`e.id = c.id AND ${jsonText('e.document', 'url')} = c.url
    AND (coalesce(${time}, c.at) <= c.at OR ${time} > c.at + ${raw(String(clockSlackMs))})`;
  yield* changes(updateEndpoints(given, counts, sql`${raw(timeColumn)} = c.at, ${assignments}`));
}

const storedCertificate = (document: unknown): Steps<Certificate> =>
  stored<Certificate>(document, "a receiver's certificate");

export const breakerWrites: Cold<Omit<BreakerWrites, keyof ContactWrites>> = {
  saveBreakers: alone((breakers) =>
    saveLearned(
      breakers,
      { since: { type: 'bigint', values: breakers.map(({ open, at }) => (open ? at : null)) } },
      'breaker_at',
      sql`breaker_open_since = c.since`,
    ),
  ),

  saveThrottles: alone((throttles) =>
    saveLearned(
      throttles,
      { until: { type: 'bigint', values: throttles.map(({ until }) => until) } },
      'throttled_at',
      sql`throttled_until = c.until`,
    ),
  ),

  saveServerCertificates: alone((seen) =>
    saveLearned(
      seen,
      {
        certificate: { type: 'text', values: seen.map(({ certificate }) => JSON.stringify(certificate)) },
        ends: { type: 'bigint', values: seen.map(({ certificate }) => certificate.notAfter) },
      },
      'server_certificate_at',
      sql`server_certificate = ${asJson('c.certificate', 'jsonb')}, server_certificate_ends = c.ends`,
    ),
  ),

  clearThrottle: transaction(function* (endpointId, now) {
    const isThrottled = sql`id = ${endpointId} AND throttled_until IS NOT NULL`;
    if ((yield* row(sql`SELECT 1 FROM ${table('endpoints')} WHERE ${isThrottled}`)) === undefined)
      return false;
    // The other nodes obey it too, so they are notified at once.
    yield* announce();
    const cleared = yield* changes(
      sql`UPDATE ${table('endpoints')} SET throttled_until = NULL, throttled_at = ${now} WHERE ${isThrottled}`,
    );
    return cleared > 0;
  }),
};

function* readReceiverHealth(endpointIds: readonly string[], now: number): Steps<ReceiverHealth[]> {
  const found = yield* rows(
    sql`SELECT id, breaker_open_since, CASE WHEN throttled_until > ${now} THEN throttled_until END, failing_since,
        server_certificate, ${raw(contactColumns.join(', '))}
      FROM ${table('endpoints')} WHERE ${isAnyOf('id', endpointIds, 'text')} AND deleted_at IS NULL
        AND (breaker_open_since IS NOT NULL OR throttled_until > ${now} OR failing_since IS NOT NULL
          OR server_certificate IS NOT NULL OR last_success_at IS NOT NULL OR last_failure_at IS NOT NULL)`,
  );
  const known: ReceiverHealth[] = [];
  for (const one of found) {
    const [id, openSince, throttledUntil, failingSince, certificate] = one;
    known.push({
      endpointId: id as string,
      openSince: openSince as number | null,
      throttledUntil: throttledUntil as number | null,
      failingSince: failingSince as number | null,
      serverCertificate: certificate === null ? null : yield* storedCertificate(certificate),
      contact: contactOf(one, 5),
    });
  }
  return known;
}

export const breakerLookups: Cold<BreakerLookups> = {
  openBreakers: separately(function* () {
    const found = yield* rows(
      sql`SELECT id, breaker_open_since FROM ${table('endpoints')} WHERE breaker_open_since IS NOT NULL AND deleted_at IS NULL`,
    );
    return found.map(([id, since]) => ({ endpointId: id as string, openSince: since as number }));
  }),

  throttles: separately(function* (now) {
    const found = yield* rows(
      sql`SELECT id, throttled_until FROM ${table('endpoints')}
        WHERE throttled_until > ${now} AND throttled_until IS NOT NULL AND deleted_at IS NULL`,
    );
    return found.map(([id, until]) => ({ endpointId: id as string, until: until as number }));
  }),

  receiverHealth: separately(readReceiverHealth),

  serverCertificates: separately(function* (endsBefore) {
    const found = yield* rows(
      sql`SELECT id, server_certificate FROM ${table('endpoints')}
        WHERE server_certificate_ends < ${endsBefore} AND server_certificate_ends IS NOT NULL AND deleted_at IS NULL`,
    );
    const certificates: ServerCertificate[] = [];
    for (const [id, document] of found)
      certificates.push({ endpointId: id as string, certificate: yield* storedCertificate(document) });
    return certificates;
  }),
};
