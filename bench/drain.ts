import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEngine } from '../src/engine/engine.ts';
import { systemClock as clock } from '../src/runtime/clock.ts';
import { createLogger } from '../src/runtime/logger.ts';
import { systemRandom as random } from '../src/runtime/random.ts';
import { openPostgresStore } from '../src/store/postgres/open.ts';
import { openSqliteStore } from '../src/store/sqlite/open.ts';
import { createHttpTransport } from '../src/transport/http-transport.ts';
import { fillBacklog } from './backlog.ts';

// A backlog of durable deliveries to empty: `drain.ts <port> <count> [postgres://…]` prints deliveries a second.

const [port, count, databaseUrl] = process.argv.slice(2);
const total = Number(count);
const dataDir = mkdtempSync(join(tmpdir(), 'posthorn-bench-'));
const { store } =
  databaseUrl === undefined
    ? { store: await openSqliteStore({ dataDir, thread: true }) }
    : await openPostgresStore(databaseUrl);
await fillBacklog(store, `http://127.0.0.1:${port}/hook`, total, 64);
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
