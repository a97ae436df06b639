import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { deliveryNumber, newEventId } from '../packages/posthorn/src/domain/ids.ts';
import { latencyBucket } from '../packages/posthorn/src/domain/latency.ts';
import { shardCount } from '../packages/posthorn/src/domain/shard.ts';
import { dayMs, hourMs, minuteMs } from '../packages/posthorn/src/domain/time.ts';
import { stateNumbers } from '../packages/posthorn/src/store/rows.ts';
import { Database } from '../packages/posthorn/src/store/sqlite/database.ts';
import { LedgerChanges } from '../packages/posthorn/src/store/sqlite/ledger.ts';
import { openHere } from '../packages/posthorn/src/store/sqlite/open-here.ts';
import { anEndpoint } from '../test/support.ts';

// A month of payments on SQLite, with a row for every event, delivery and attempt, and counters by the store's own code: as old
// as they are, so are they folded. One of a thousand is a dead letter, one receiver fails now, and one is paused.

export const historyDays = 29;
const endpoints = 100;
const types = 20;
const teams = 8;
const tenants = ['default', 'acme', 'globex', 'initech'] as const;
const currencies = ['EUR', 'USD', 'GBP', 'JPY', 'KWD'] as const;
const classes = ['http_5xx', 'timeout', 'tls', 'reset', 'http_4xx'] as const;
const statusCodes: Readonly<Record<string, number | null>> = { http_5xx: 503, http_4xx: 410 };
const failing = 0;
const paused = 1;
/** Rows of one transaction. */
const batch = 100_000;

export const endpointId = (index: number): string => `ep_history${String(index).padStart(3, '0')}`;
const tenantOf = (endpoint: number): string => tenants[endpoint < 60 ? 0 : 1 + (endpoint % 3)]!;
const typesOf = (endpoint: number): readonly string[] =>
  [0, 1, 2, 3].map((n) => `payment.type${(endpoint * 3 + n * 5) % types}`);
const teamOf = (endpoint: number): string | null =>
  endpoint % 25 === 24 ? null : `team-${endpoint % teams}`;

/** As every team of a company declares it: endpoints, teams, event types with their owner, and objectives. */
async function declare(dataDir: string, began: number): Promise<void> {
  const store = openHere({ dataDir });
  for (let n = 0; n < teams; n++)
    await store.write.putDocument('team', `team-${n}`, { description: '', channels: [] });
  for (let n = 0; n < endpoints; n++)
    await store.write.createEndpoint(
      anEndpoint({
        id: endpointId(n),
        name: `receiver-${n}`,
        tenant: tenantOf(n),
        owner: teamOf(n),
        url: `https://receiver-${n}.kestrel.example/hooks`,
        eventTypes: [...typesOf(n)],
        createdAt: began,
        enabled: n !== paused,
      }),
    );
  for (let n = 0; n < 10; n++)
    await store.write.putDocument('slo', `type-${n}-in-time`, {
      description: '',
      objective: 'delivered_within',
      target: 0.99,
      window_days: 28,
      event_types: [`payment.type${n}`],
      endpoint_ids: [],
      producer: `team-${n % teams}`,
      consumer: `team-${(n + 3) % teams}`,
    });
  for (let n = 0; n < 5; n++)
    await store.write.createMarker(
      {
        id: `mrk_history${n}`,
        at: began + (n + 3) * 5 * dayMs,
        kind: 'deploy',
        label: `orders 4.${n}`,
        url: null,
        by: 'ci',
        isAutomatic: false,
        tenant: null,
        subject: null,
      },
      null,
    );
  await store.close();
}

/** When its counters stand: by minute, hour or day, as Posthorn folds them with their age. */
function countedAt(at: number, now: number): number {
  const per = now - at < 8 * hourMs ? minuteMs : now - at < 8 * dayMs - hourMs ? hourMs : dayMs;
  return Math.floor(at / per) * per;
}

type State = keyof typeof stateNumbers;

/** What became of a delivery; `chance` is from 0 to 1. */
function fateOf(
  endpoint: number,
  age: number,
  chance: number,
): { readonly state: State; readonly attempts: number; readonly late: boolean } {
  if (endpoint === paused && age < 2 * dayMs) return { state: 'suppressed', attempts: 0, late: false };
  if (endpoint === failing && age < 20 * minuteMs) return { state: 'pending', attempts: 3, late: false };
  if (chance < 0.001) return { state: 'dead', attempts: 5, late: false };
  if (chance < 0.003) return { state: 'delivered', attempts: 2, late: chance < 0.002 };
  return { state: 'delivered', attempts: 1, late: false };
}

const insertEvent = `INSERT INTO events (number, tenant, id, type, data, ordering_key, occurred_at, accepted_at, amount_minor, currency,
  deliveries, suppressed, filtered, digest) VALUES (?, ?, ?, ?, ?, ?, NULL, ?, ?, ?, ?, ?, 0, NULL)`;
const insertDelivery = `INSERT INTO deliveries (number, event_number, endpoint, state, due_at, claim, attempts, tries, created_at, settled_at,
  reason, error_class, status_code, message) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
const insertAttempt = `INSERT INTO attempts (delivery, n, started_at, duration_ms, status_code, outcome, error_class, message,
  response_excerpt, trigger, node) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 'bench')`;

/** Fills a new data directory with so many deliveries up to `now`. */
export async function writeHistory(dataDir: string, deliveries: number, now: number): Promise<void> {
  const began = now - historyDays * dayMs;
  await declare(dataDir, began);
  const db = new Database(join(dataDir, 'posthorn.db'));
  db.raw.exec('PRAGMA synchronous = OFF; PRAGMA cache_size = -512000');
  const [event, delivery, attempt] = [insertEvent, insertDelivery, insertAttempt].map((sql) =>
    db.raw.prepare(sql),
  );
  const nums = new Map(db.all('SELECT id, num FROM endpoints') as [string, number][]);
  let seed = 1;
  const chance = (): number => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
  const digits = new Uint8Array(14);
  for (let first = 0; first < deliveries; first += batch) {
    const ledger = new LedgerChanges();
    db.transaction(() => {
      for (let i = first; i < Math.min(deliveries, first + batch); i++) {
        const at = began + Math.floor((i / deliveries) * historyDays * dayMs);
        const endpoint = Math.floor(chance() ** 2 * endpoints);
        const type = typesOf(endpoint)[i % 4]!;
        const shard = i % shardCount;
        const number = deliveryNumber(i, shard);
        for (let n = 0; n < digits.length; n++) digits[n] = Math.floor(chance() * 32);
        const currency = currencies[Math.floor(chance() ** 3 * currencies.length)]!;
        const amount = 100 + Math.floor(chance() * 20_000);
        const { state, attempts, late } = fateOf(endpoint, now - at, chance());
        const num = nums.get(endpointId(endpoint))!;
        const isDelivered = state === 'delivered';
        const failed = isDelivered || attempts === 0 ? null : classes[Math.floor(chance() * classes.length)]!;
        const took = 20 + Math.floor(chance() ** 4 * 2000);
        const message = failed === null ? null : `order ${i}: ${failed}`;
        event!.run(
          number,
          tenantOf(endpoint),
          newEventId(at, digits, shard),
          type,
          `{"id":"pi_${i}","object":"payment_intent","amount":${amount},"currency":"${currency}","status":"succeeded","metadata":{"order":"order-${i}","customer":"cus_${i % 9973}"}}`,
          null,
          at,
          amount,
          currency,
          1,
          state === 'suppressed' ? 1 : 0,
        );
        delivery!.run(
          number,
          number,
          num,
          stateNumbers[state],
          state === 'pending' ? now + dayMs + (i % 3600) * 1000 : null,
          attempts,
          attempts,
          attempts,
          at,
          state === 'pending' ? null : at + took + (late ? 600_000 : 0),
          isDelivered
            ? 'delivered'
            : state === 'dead'
              ? 'schedule_exhausted'
              : state === 'suppressed'
                ? 'endpoint_paused'
                : null,
          failed,
          failed === null ? (isDelivered ? 200 : null) : (statusCodes[failed] ?? null),
          message,
        );
        const counted = { endpoint: num, type, acceptedAt: countedAt(at, now) };
        for (let n = 1; n <= attempts; n++) {
          const isLast = n === attempts && state !== 'pending';
          const errorClass = isLast && isDelivered ? null : (failed ?? 'timeout');
          const outcome = !isLast ? 'retry' : isDelivered ? 'delivered' : 'dead';
          const status = errorClass === null ? 200 : (statusCodes[errorClass] ?? null);
          attempt!.run(
            number,
            n,
            at + (n - 1) * 30_000,
            took,
            status,
            outcome,
            errorClass,
            errorClass === null ? null : message,
            errorClass === null ? null : '{"error":"no"}',
          );
          if (errorClass !== null) ledger.addFailure(counted, errorClass);
        }
        ledger.addEvent(tenantOf(endpoint), type, counted.acceptedAt, true);
        ledger.add(counted, 'accepted');
        if (attempts > 0) ledger.add(counted, 'first_attempts');
        if (attempts === 1) ledger.add(counted, 'first_delivered');
        if (late) ledger.add(counted, 'late');
        if (state !== 'pending') ledger.add(counted, state);
        if (isDelivered) ledger.addLatency(counted, latencyBucket(took));
        if (state === 'dead' || state === 'suppressed') ledger.addWorth(db, number, counted, state);
      }
      ledger.write(db);
    });
  }
  const { lastSuccess, lastFailure } = { lastSuccess: now - minuteMs, lastFailure: now - minuteMs };
  db.raw.exec(
    `UPDATE endpoints SET last_success_at = ${lastSuccess} WHERE id <> '${endpointId(failing)}';
     UPDATE endpoints SET last_failure_at = ${lastFailure}, failed_since = ${now - 20 * minuteMs}, failures_in_a_row = 500,
       last_error_class = 'http_5xx', last_status_code = 503 WHERE id = '${endpointId(failing)}'`,
  );
  db.close();
  await foldAll(dataDir, now);
}

/** Leaves the counters as a server that has run all the time would have them. */
async function foldAll(dataDir: string, now: number): Promise<void> {
  const store = openHere({ dataDir });
  while (await store.write.fold(now));
  await store.close();
  const db = new DatabaseSync(join(dataDir, 'posthorn.db'));
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  db.close();
}
