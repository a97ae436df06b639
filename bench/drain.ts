import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPostgresStore } from '../packages/posthorn/src/store/postgres/open.ts';
import { openSqliteStore } from '../packages/posthorn/src/store/sqlite/open.ts';
import { deliverAll, fillBacklog } from './backlog.ts';

// A backlog of durable deliveries to empty: `drain.ts <port> <count> [postgres://…]` prints deliveries a second.

const [port, count, databaseUrl] = process.argv.slice(2);
const total = Number(count);
const dataDir = mkdtempSync(join(tmpdir(), 'posthorn-bench-'));
const { store } =
  databaseUrl === undefined
    ? { store: await openSqliteStore({ dataDir, thread: true }) }
    : await openPostgresStore(databaseUrl);
await fillBacklog(store, `http://127.0.0.1:${port}/hook`, total, 64);
const perS = await deliverAll(store, total);
process.stdout.write(`${perS}\n`);
await store.close();
rmSync(dataDir, { recursive: true, force: true });
