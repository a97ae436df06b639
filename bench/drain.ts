import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newEventId, timeOrderedId } from '../src/domain/ids.ts';
import { defaultRetryPolicy } from '../src/domain/retry-policy.ts';
import { createEngine } from '../src/engine/engine.ts';
import { systemClock as clock } from '../src/runtime/clock.ts';
import { createLogger } from '../src/runtime/logger.ts';
import { systemRandom as random } from '../src/runtime/random.ts';
import { newSecret } from '../src/signing/standard-webhooks.ts';
import { openPostgresStore } from '../src/store/postgres/open.ts';
import { openSqliteStore } from '../src/store/sqlite/open.ts';
import { createHttpTransport } from '../src/transport/http-transport.ts';
import { payments } from './payments.ts';

// A backlog of durable deliveries to empty: `drain.ts <port> <count> [postgres://…]` prints deliveries a second.

const [port, count, databaseUrl] = process.argv.slice(2);
const total = Number(count);
const dataDir = mkdtempSync(join(tmpdir(), 'posthorn-bench-'));
const { store } =
  databaseUrl === undefined
    ? { store: await openSqliteStore({ dataDir, thread: true }) }
    : await openPostgresStore(databaseUrl);
const now = clock.now();
await store.createEndpoint({
  id: timeOrderedId('ep', now, random.bytes(12)),
  tenant: 'default',
  url: `http://127.0.0.1:${port}/hook`,
  eventTypes: ['*'],
  description: null,
  owner: null,
  template: null,
  secrets: [{ secret: newSecret(random), expiresAt: null }],
  headers: {},
  timeoutMs: 15_000,
  maxInFlight: 64,
  rateLimitPerS: null,
  ordering: 'none',
  filter: null,
  retry: defaultRetryPolicy,
  deliverWithinMs: 300_000,
  enabled: true,
  pausedReason: null,
  createdAt: now,
  updatedAt: now,
});
for (let at = 0; at < total; at += 500) {
  const events = Array.from({ length: Math.min(500, total - at) }, (_, n) => {
    const { type, data } = payments[(at + n) % payments.length]!;
    const shard = (at + n) % 64;
    return {
      id: newEventId(now, random.bytes(14), shard),
      callerId: false,
      shard,
      tenant: 'default',
      type,
      data,
      orderingKey: null,
      occurredAt: null,
      value: null,
    };
  });
  await store.accept([events], { now, node: 'local', leaseMs: 0, defaultRoom: 0, room: new Map() });
}
const transport = createHttpTransport({ clock, allowPrivateNetworks: true });
const done = Promise.withResolvers<void>();
let delivered = 0;
const engine = createEngine({
  store,
  transport,
  clock,
  random,
  logger: createLogger('warn'),
  node: 'local',
  version: 'bench',
  observer: {
    accepted: () => {},
    storeFailed: () => {},
    attempted: (outcome) => outcome === 'delivered' && ++delivered === total && done.resolve(),
  },
});
const began = performance.now();
await engine.start();
await done.promise;
// Until the last outcome is on disk.
await engine.stop(10_000);
process.stdout.write(`${(total / (performance.now() - began)) * 1000}\n`);
await transport.close();
await store.close();
rmSync(dataDir, { recursive: true, force: true });
