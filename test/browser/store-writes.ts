import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { parseDeliveryId } from '../../packages/posthorn/src/domain/ids.ts';

const minuteMs = 60_000;

/** Writes what no request can bring about, while the server runs. */
export function inStore(dataDir: string, work: (db: DatabaseSync) => void): void {
  const db = new DatabaseSync(join(dataDir, 'posthorn.db'), { timeout: 60_000 });
  work(db);
  db.close();
}

/** Gives a delivered one the attempts that only a frozen node would leave: a lease that passed, and an answer that came too late. */
export function makeOverlap(dataDir: string, id: string): void {
  const number = parseDeliveryId(id)!;
  inStore(dataDir, (db) => {
    const start = Date.now() - 10 * minuteMs;
    const attempt = db.prepare(
      `INSERT OR REPLACE INTO attempts (delivery, n, started_at, duration_ms, status_code, outcome, error_class, message,
         response_excerpt, trigger, node, lease_until, wire) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?)`,
    );
    const wire = (headers: readonly (readonly [string, string])[]): string =>
      JSON.stringify({
        address: '192.0.2.80',
        phasesMs: { lookup: 1.2, connect: 4.8, proxy: null, tls: 11.3, firstByte: 590.2 },
        headers,
      });
    const rows = [
      [
        1,
        0,
        15_000,
        null,
        'retry',
        'timeout',
        'no answer within the timeout of 15000 ms',
        null,
        'node-a',
        20_400,
        null,
      ],
      [2, 20_206, 25_800, 200, 'superseded', null, null, 'ok', 'node-b', 41_100, null],
      [
        3,
        41_308,
        600,
        503,
        'retry',
        'http_5xx',
        'HTTP 503',
        '{"error":"database is restarting"}',
        'node-a',
        86_000,
        wire([
          ['retry-after', '120'],
          ['content-type', 'application/json'],
        ]),
      ],
      [4, 161_916, 184, 200, 'delivered', null, null, 'ok', 'node-a', 206_000, null],
    ] as const;
    for (const [n, at, ms, status, outcome, error, message, excerpt, node, lease, kept] of rows)
      attempt.run(
        number,
        n,
        start + at,
        ms,
        status,
        outcome,
        error,
        message,
        excerpt,
        node,
        start + lease,
        kept,
      );
    db.prepare(
      'UPDATE deliveries SET created_at = ?, settled_at = ?, claim = 4, attempts = 4, tries = 4 WHERE number = ?',
    ).run(start, start + 162_100, number);
  });
}
