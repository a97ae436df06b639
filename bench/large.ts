import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openSqliteStore } from '../packages/posthorn/src/store/sqlite/open.ts';
import { deliverAll, fillBacklog, fillHistory } from './backlog.ts';

// Draining beside many that wait or have been settled: `large.ts <port> <pending> <settled> <count>` prints deliveries a
// second and, on standard error, the resident memory in MB.

const [port, pending, settled, count] = process.argv.slice(2, 6).map(Number);
const fillInto = process.argv[6];

async function fill(into: string): Promise<void> {
  const filler = await openSqliteStore({ dataDir: into, thread: true });
  if (settled! > 0) await fillHistory(filler, settled!);
  if (pending! > 0) await fillBacklog(filler, 'http://127.0.0.1:1/', pending!, 64);
  for (const { id } of await filler.read.endpoints({ after: null, limit: 10 }))
    await filler.write.updateEndpoint(id, { enabled: false, eventTypes: ['nothing'], updatedAt: Date.now() });
  await fillBacklog(filler, `http://127.0.0.1:${port}/hook`, count!, 64);
  await filler.close();
}
if (fillInto !== undefined) {
  await fill(fillInto);
  process.exit();
}
const dataDir = mkdtempSync(join(tmpdir(), 'posthorn-bench-'));
// By a process of its own, whose memory is not counted.
execFileSync(process.execPath, [fileURLToPath(import.meta.url), ...process.argv.slice(2, 6), dataDir]);
const store = await openSqliteStore({ dataDir, thread: true });
const perS = await deliverAll(store, count!, () =>
  process.stderr.write(
    `${Math.round(process.memoryUsage.rss() / 1_000_000)} MB resident with ${pending} pending, ${settled} settled\n`,
  ),
);
process.stdout.write(`${perS}\n`);
await store.close();
rmSync(dataDir, { recursive: true, force: true });
