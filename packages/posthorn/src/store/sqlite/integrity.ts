import { digestOf, findingsOfEvent } from '../digest.ts';
import { fanOutStateOf, missingEventFrom, worthComparisonOf } from '../rows.ts';
import type {
  ConservationRow,
  DigestCursor,
  DigestPage,
  FanOuts,
  Finding,
  Missing,
  MissingWindow,
} from '../store.ts';
import type { WorthComparison } from '../worth.ts';
import { eventHead } from './claim.ts';
import { damageOf } from './damage.ts';
import type { Database } from './database.ts';
import { shardCount } from '../../domain/shard.ts';
import { hourMs } from '../../domain/time.ts';

// The reconciler's reading (G6). It shares no code with the writers on purpose: its queries count rows
// and read counters, and the comparing is done elsewhere.

/** Sequences of one pass: so few rows are sorted in the processor's cache. 10,000,000 at once took six times as long. */
const passSequences = 20_000;

/** How many rows of each endpoint are in each state, every one of them read. */
function countRows(db: Database): Map<number, number[]> {
  const counts = new Map<number, number[]>();
  const [first, last] = db.get(
    'SELECT (SELECT min(number) FROM deliveries), (SELECT max(number) FROM deliveries)',
  ) as [number | null, number];
  if (first === null) return counts;
  const step = passSequences * shardCount;
  for (let from = first; from <= last; from += step) {
    const groups = db.all(
      `SELECT endpoint, state, count(*) FROM deliveries NOT INDEXED WHERE number >= ? AND number < ?
       GROUP BY endpoint, state`,
      from,
      from + step,
    ) as [number, number, number][];
    for (const [endpoint, state, count] of groups) {
      const states = counts.get(endpoint) ?? [0, 0, 0, 0, 0];
      if (state in states) states[state]! += count;
      counts.set(endpoint, states);
    }
  }
  return counts;
}

export function readConservation(db: Database): ConservationRow[] {
  return db.snapshot(() => {
    const rows = countRows(db);
    const counters = new Map(
      db
        .all(
          `SELECT endpoint, sum(accepted), sum(delivered), sum(dead), sum(cancelled), sum(suppressed), sum(pruned_delivered),
             sum(pruned_dead), sum(pruned_cancelled), sum(pruned_suppressed) FROM ledger GROUP BY endpoint`,
        )
        .map((row) => [row[0] as number, row.slice(1) as number[]]),
    );
    const names = new Map(
      db.all('SELECT num, id, tenant FROM endpoints').map((row) => [row[0] as number, row]),
    );
    return [...new Set([...rows.keys(), ...counters.keys(), ...names.keys()])].map((endpoint) => {
      const [pending = 0, delivered = 0, dead = 0, cancelled = 0, suppressed = 0] = rows.get(endpoint) ?? [];
      const c = counters.get(endpoint) ?? [];
      return {
        endpointId: (names.get(endpoint)?.[1] as string | undefined) ?? `unknown endpoint ${endpoint}`,
        tenant: (names.get(endpoint)?.[2] as string | undefined) ?? 'unknown',
        counters: {
          accepted: c[0] ?? 0,
          delivered: c[1] ?? 0,
          dead: c[2] ?? 0,
          cancelled: c[3] ?? 0,
          suppressed: c[4] ?? 0,
        },
        rows: { pending, delivered, dead, cancelled, suppressed },
        pruned: { delivered: c[5] ?? 0, dead: c[6] ?? 0, cancelled: c[7] ?? 0, suppressed: c[8] ?? 0 },
      };
    });
  });
}

/** An event that is gone is worth nothing that is known; its delivery is found by another check. */
export function readWorthComparisons(db: Database): WorthComparison[] {
  const side = (state: number): string => `sum(d.state = ${state}),
    sum(CASE WHEN d.state = ${state} AND e.currency IS NOT NULL THEN e.amount_minor >> 32 ELSE 0 END),
    sum(CASE WHEN d.state = ${state} AND e.currency IS NOT NULL THEN e.amount_minor & 0xffffffff ELSE 0 END)`;
  const rows = db.all(
    `SELECT coalesce(p.id, 'unknown endpoint ' || u.endpoint), u.currency, sum(u.c1), sum(u.c2), sum(u.c3), sum(u.c4), sum(u.c5), sum(u.c6),
       sum(u.r1), sum(u.r2), sum(u.r3), sum(u.r4), sum(u.r5), sum(u.r6) FROM (
         SELECT endpoint, currency, dead AS c1, dead_hi AS c2, dead_lo AS c3, suppressed AS c4, suppressed_hi AS c5, suppressed_lo AS c6,
           0 AS r1, 0 AS r2, 0 AS r3, 0 AS r4, 0 AS r5, 0 AS r6 FROM worth
         UNION ALL
         SELECT d.endpoint, ifnull(e.currency, ''), 0, 0, 0, 0, 0, 0, ${side(2)}, ${side(4)}
         FROM deliveries d LEFT JOIN events e ON e.number = d.event_number
         WHERE d.state >= 2 AND d.state IN (2, 4) GROUP BY 1, 2) u
       LEFT JOIN endpoints p ON p.num = u.endpoint GROUP BY 1, 2`,
  );
  return rows.map(worthComparisonOf);
}

const namedPages = 3;

/** Has SQLite read every page and compare every index with its table. */
export function checkPages(db: Database): void {
  const found = db.all(`PRAGMA integrity_check(${namedPages})`).map(([text]) => String(text));
  if (found.length === 1 && found[0] === 'ok') return;
  throw damageOf(db.path, found.join('; ').replaceAll(/\s+/g, ' '));
}

export function readFanOuts(db: Database, limit: number): FanOuts {
  return db.snapshot(() => {
    const [planned, made] = db.get(
      'SELECT coalesce(sum(planned), 0), coalesce(sum(made), 0) FROM fan_out_ledger',
    ) as [number, number];
    const [remaining] = db.get('SELECT coalesce(sum(remaining), 0) FROM fan_out_events') as [number];
    const underWay = db.all(
      `SELECT h.tenant, h.accepted_at, h.moved_at, (SELECT coalesce(sum(f.remaining), 0)
           FROM fan_outs o JOIN fan_out_events f ON f.fan_out = o.id WHERE o.tenant = h.tenant)
       FROM fan_outs h WHERE h.id IN (SELECT min(id) FROM fan_outs GROUP BY tenant) ORDER BY h.moved_at, h.id LIMIT +?`,
      limit,
    ) as [string, number, number, number][];
    return { planned, made, remaining, underWay: underWay.map(fanOutStateOf) };
  });
}

const pageDeliveries = 100;

/** Every event against its digest, in the order of their numbers; the cursor's shard says nothing here. */
export function checkDigests(db: Database, after: DigestCursor | null, limit: number): DigestPage {
  const rows = db.all(
    `SELECT e.number, e.id, e.data, e.digest, ${eventHead} FROM events e WHERE e.number > ? ORDER BY e.number LIMIT +?`,
    after?.number ?? -1,
    limit,
  ) as [number, string, string, string | null, string][];
  const findings = rows
    .filter(([, , data, digest, head]) => digest !== null && digestOf(head, data) !== digest)
    .flatMap(([number, eventId]): Finding[] => {
      const deliveries = db.all(
        `SELECT d.number, p.id FROM deliveries d LEFT JOIN endpoints p ON p.num = d.endpoint
         WHERE d.event_number = ? ORDER BY d.number LIMIT +?`,
        number,
        pageDeliveries,
      ) as [number, string | null][];
      return findingsOfEvent(eventId, deliveries);
    });
  return {
    findings,
    events: rows.length,
    withoutDigest: rows.filter(([, , , digest]) => digest === null).length,
    next: rows.length < limit ? null : { shard: 0, number: rows.at(-1)![0] },
  };
}

export function readMissing(db: Database, { tenant, since, until }: MissingWindow, limit: number): Missing {
  return db.snapshot(() => {
    const [delivered, dead, cancelled, suppressed] = db
      .get(
        `SELECT sum(pruned_delivered), sum(pruned_dead), sum(pruned_cancelled), sum(pruned_suppressed)
         FROM ledger l JOIN endpoints p ON p.num = l.endpoint
         WHERE (?1 IS NULL OR p.tenant = ?1) AND l.hour >= ?2 AND l.hour < ?3`,
        tenant,
        Math.floor(since / hourMs),
        Math.ceil(until / hourMs),
      )!
      .map((sum) => (sum as number | null) ?? 0);
    const events = db.all(
      `SELECT e.accepted_at, e.deliveries - (SELECT count(*) FROM deliveries d WHERE d.event_number = e.number)
           - coalesce((SELECT f.remaining FROM fan_out_events f WHERE f.event_number = e.number), 0) AS missing,
         CAST(e.amount_minor AS TEXT), e.currency
       FROM events e WHERE (?1 IS NULL OR e.tenant = ?1) AND e.accepted_at >= ?2 AND e.accepted_at < ?3 AND missing > 0
       ORDER BY e.accepted_at, e.number LIMIT +?4`,
      tenant,
      since,
      until,
      limit,
    );
    return {
      pruned: { delivered: delivered!, dead: dead!, cancelled: cancelled!, suppressed: suppressed! },
      events: events.map(missingEventFrom),
    };
  });
}
