import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { parseArgs } from 'node:util';
import { ApiError } from '../../packages/client/src/index.ts';
import { verifyDataDirectory } from '../../packages/posthorn/src/cli/commands/verify.ts';
import { freePort, startReceiver } from '../../packages/posthorn/src/cli/demo/receivers.ts';
import { kill, startServer } from '../../packages/posthorn/src/cli/demo/server-process.ts';
import { tempDir, until } from '../support.ts';
import { checkHistory, type LoggedAttempt } from './checker.ts';
import { createWireClient } from '../wire-client.ts';

const apiKey = 'phk_kills_0123456789abcdef';
const batch = 100;
const publishers = 3;

export interface KillsResult {
  readonly accepted: number;
  readonly kills: number;
  readonly unaccounted: number;
  readonly endpoints: readonly {
    readonly unique: number;
    readonly lost: number;
    readonly unexpected: number;
    readonly repeated: number;
    /** Repeated, though the attempt before has an outcome, or none died with a process. */
    readonly unexplained: readonly string[];
    readonly unverified: number;
  }[];
}

function realEvents(): { type: string; data: unknown }[] {
  const lines = (file: string): string[] =>
    readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8')
      .trim()
      .split('\n');
  return [
    ...lines('packages/posthorn/data/payment-events.jsonl'),
    ...lines('test/data/github-events.jsonl'),
  ].map((line) => {
    const { type, data, payload } = JSON.parse(line) as { type: string; data?: unknown; payload?: unknown };
    return { type, data: data ?? payload };
  });
}

/**
 * Publishes real events to three endpoints while the server is killed with SIGKILL at random and started again,
 * then compares what was acknowledged with what each receiver got. `draw` is uniform in [0, 1).
 */
export async function surviveKills(options: {
  events: number;
  kills: number;
  draw: () => number;
  onProgress?: (message: string) => void;
}): Promise<KillsResult> {
  const { events, kills, draw } = options;
  const samples = realEvents();
  const dataDir = tempDir();
  const port = await freePort();
  const client = createWireClient(`http://127.0.0.1:${port}`, apiKey);
  const receivers = await Promise.all([1, 2, 3].map(() => startReceiver({ delayMs: 0 })));
  let server = await startServer({ port, dataDir, apiKey });
  try {
    const endpointIds: string[] = [];
    for (const { url, secret } of receivers)
      endpointIds.push((await client.request<{ id: string }>('POST', '/v1/endpoints', { url, secret })).id);

    const accepted = new Set<string>();
    let begun = 0;
    const publish = async (): Promise<void> => {
      while (begun < events) {
        const from = begun;
        begun += batch;
        const list = Array.from({ length: Math.min(batch, events - from) }, (_, n) => ({
          id: `kill_${from + n}`,
          ...samples[(from + n) % samples.length]!,
        }));
        for (;;) {
          try {
            const answer = await client.request<{ accepted: { id: string }[] }>('POST', '/v1/events/batch', {
              events: list,
            });
            for (const { id } of answer.accepted) accepted.add(id);
            break;
          } catch (error) {
            // The answer was lost with the process, or it is down: the same ids again give the same receipts.
            if (!(error instanceof ApiError) || (error.status !== 0 && error.status !== 503)) throw error;
            await until('the server is up', async () => {
              try {
                await client.request('GET', '/readyz');
                return true;
              } catch {
                return false;
              }
            });
          }
        }
      }
    };
    const arrived = (): number => receivers.reduce((sum, receiver) => sum + receiver.counts().ids.size, 0);
    // Each kill comes at a random part of the work: some while events are published, some while they drain.
    const moments = Array.from({ length: kills }, () => draw() * events * receivers.length).toSorted(
      (a, b) => a - b,
    );
    const killedAt: number[] = [];
    const nemesis = async (): Promise<void> => {
      for (const moment of moments) {
        await until(`${moment} webhooks have arrived`, () => arrived() >= moment, 300_000);
        await kill(server, 'SIGKILL');
        killedAt.push(Date.now());
        options.onProgress?.(`SIGKILL ${killedAt.length} of ${kills} with ${arrived()} arrived`);
        server = await startServer({ port, dataDir, apiKey });
      }
    };
    await Promise.all([nemesis(), ...Array.from({ length: publishers }, publish)]);
    await until(
      'nothing is pending',
      async () => (await client.request<{ pending: number }>('GET', '/v1/accounting')).pending === 0,
      300_000,
    );
    await kill(server, 'SIGTERM');
    const { unaccounted } = await verifyDataDirectory(dataDir);
    const log = loggedAttempts(dataDir);
    return {
      accepted: accepted.size,
      kills: killedAt.length,
      unaccounted,
      endpoints: receivers.map((receiver, index) => {
        const { ids, repeated, arrivals, unverified } = receiver.counts();
        const endpointId = endpointIds[index]!;
        const { lost, unexpected, unexplained } = checkHistory({
          endpointIds: [endpointId],
          attempted: accepted,
          acknowledged: accepted,
          arrivals: arrivals.map((arrival) => ({ ...arrival, endpointId })),
          log,
          faults: killedAt.map((at) => ({ kind: 'kill', at, until: at })),
        });
        return {
          unique: ids.size,
          lost: lost.length,
          unexpected: unexpected.length,
          repeated,
          unexplained,
          unverified,
        };
      }),
    };
  } finally {
    await kill(server, 'SIGKILL');
    await Promise.all(receivers.map((receiver) => receiver.close()));
  }
}

/** Every attempt that the data directory of a server that has ended knows the outcome of. */
function loggedAttempts(dataDir: string): LoggedAttempt[] {
  const db = new DatabaseSync(join(dataDir, 'posthorn.db'), { readOnly: true });
  const rows = db
    .prepare(
      `SELECT p.id AS endpointId, e.id AS eventId, a.n AS attempt, a.outcome, a.error_class AS errorClass
       FROM attempts a JOIN deliveries d ON d.number = a.delivery
       JOIN events e ON e.number = d.event_number JOIN endpoints p ON p.num = d.endpoint`,
    )
    .all();
  db.close();
  return rows as unknown as LoggedAttempt[];
}

/** `npm run test:kills -- [--events 50000] [--kills 5]` */
if (import.meta.main) {
  const { values } = parseArgs({
    options: { events: { type: 'string', default: '50000' }, kills: { type: 'string', default: '5' } },
  });
  const result = await surviveKills({
    events: Number(values.events),
    kills: Number(values.kills),
    draw: Math.random,
    onProgress: (words) => process.stderr.write(`${words}\n`),
  });
  process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
  const bad = result.endpoints.some(
    (e) =>
      e.lost + e.unexpected + e.unexplained.length + e.unverified > 0 || e.unique !== Number(values.events),
  );
  process.exitCode = bad || result.unaccounted !== 0 ? 1 : 0;
}
