import { readFile } from 'node:fs/promises';
import { createClient, type EndpointRequest } from '@posthorn/client';
import { newEventId } from '../../domain/ids.ts';
import { systemClock } from '../../runtime/clock.ts';
import { systemRandom } from '../../runtime/random.ts';
import { BatchSender } from '../publish/batch-sender.ts';
import { type EventLine, eventOfLine } from '../publish/event-line.ts';
import { verifyDataDirectory } from '../commands/verify.ts';
import { progress } from '../output.ts';
import { freePort, type Receiver, startReceiver } from './receivers.ts';
import { kill, startServer } from './server-process.ts';

const batchSize = 100;
const concurrent = 3;
const quietMostMs = 120_000;
const requestMostMs = 30_000;

export interface DemoResult {
  readonly events: number;
  readonly kills: number;
  readonly seconds: number;
  readonly endpoints: readonly {
    readonly name: string;
    readonly accepted: number;
    readonly delivered: number;
    readonly pending: number;
    readonly dead: number;
    readonly cancelled: number;
    readonly suppressed: number;
    readonly unaccounted: number;
    readonly receiver: {
      readonly unique: number;
      readonly requests: number;
      readonly repeated: number;
      readonly unverified: number;
    };
  }[];
  readonly unaccounted: number;
  readonly agrees: boolean;
  readonly disagreements: readonly string[];
}

/** Real payment events, each with an id and the amount in its data. */
async function paymentEvents(count: number): Promise<EventLine[]> {
  const file = await readFile(new URL('../../../data/payment-events.jsonl', import.meta.url), 'utf8');
  const samples = file
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; data: { object: Record<string, unknown> } });
  return Array.from({ length: count }, (_, index) => {
    const { type, data } = samples[index % samples.length]!;
    const id = newEventId(Date.now(), systemRandom.bytes(14), systemRandom.bytes(1)[0]! % 64);
    const { amount, currency } = data.object;
    const value =
      typeof amount === 'number' && typeof currency === 'string'
        ? { value: { amount_minor: amount, currency } }
        : {};
    return eventOfLine(JSON.stringify({ id, type, data, ...value }), index + 1, { pointers: null });
  });
}

/** Runs the whole demonstration; resolves with the counts of the ledger and of the receivers. */
export async function runDemo({
  events: count,
  dataDir,
}: {
  events: number;
  dataDir: string;
}): Promise<DemoResult> {
  const began = Date.now();
  const apiKey = `phk_${Buffer.from(systemRandom.bytes(24)).toString('base64url')}`;
  const port = await freePort();
  const receivers = new Map<string, Receiver>([
    ['healthy', await startReceiver({ delayMs: 0 })],
    ['slow', await startReceiver({ delayMs: 100 })],
    ['failing 30 %', await startReceiver({ failing: 0.3 })],
  ]);
  const deadUrl = `http://127.0.0.1:${await freePort()}/webhooks`;
  const client = createClient(`http://127.0.0.1:${port}`, apiKey);
  let server = await startServer({ port, dataDir, apiKey });
  let kills = 0;
  const bar = progress(count * 4);
  try {
    await client.teams.put('demo', {});
    const names = new Map<string, string>();
    const create = async (name: string, fields: EndpointRequest): Promise<void> => {
      const { id } = await client.endpoints.create({ description: name, owner: 'demo', ...fields });
      names.set(id, name);
    };
    // Schedules of seconds instead of hours, so that their end can be watched.
    const patient = {
      scheduleS: Array.from({ length: 30 }, (_, n) => Math.min(2, 0.1 * (n + 1))),
      jitter: 1,
    };
    for (const [name, { url, secret }] of receivers) {
      await create(name, {
        url,
        secret,
        timeoutMs: 1000,
        retry: patient,
        maxInFlight: name === 'slow' ? 128 : 64,
      });
    }
    await create('dead', { url: deadUrl, timeoutMs: 1000, retry: { scheduleS: [0.5, 1], jitter: 1 } });

    const events = await paymentEvents(count);
    const batches = Array.from({ length: Math.ceil(count / batchSize) }, (_, n) =>
      events.slice(n * batchSize, (n + 1) * batchSize),
    );
    const sender = new BatchSender({
      client,
      clock: systemClock,
      random: systemRandom,
      // A refusal of the demo's own events throws.
      outcomes: { accepted: () => {}, refused: () => {} },
      skipRefused: false,
      retryForMs: quietMostMs,
      requestMs: requestMostMs,
      signal: new AbortController().signal,
    });
    let accepted = 0;
    let next = 0;
    const killAt = Math.floor(batches.length / 2);
    const killed: Promise<void>[] = [];
    const killAndRestart = async (): Promise<void> => {
      await kill(server, 'SIGKILL');
      kills++;
      server = await startServer({ port, dataDir, apiKey });
    };
    const publisher = async (): Promise<void> => {
      while (next < batches.length) {
        const index = next++;
        if (index >= killAt && killed.length === 0) killed.push(killAndRestart());
        await sender.send(batches[index]!);
        accepted += batches[index]!.length;
        bar.at(
          0,
          `publishing: ${accepted.toLocaleString('en-US')} of ${count.toLocaleString('en-US')} events accepted, ${kills} SIGKILL`,
        );
      }
    };
    await Promise.all(Array.from({ length: concurrent }, publisher));
    await Promise.all(killed);

    // Wait until nothing changes any more, with a limit on how long nothing may change.
    let changedAt = Date.now();
    for (let before = -1; ;) {
      const all = await client.accounting.get();
      const ended = all.delivered + all.dead;
      bar.at(
        ended,
        `delivered ${all.delivered.toLocaleString('en-US')}, dead ${all.dead.toLocaleString('en-US')}, pending ${all.pending.toLocaleString('en-US')}`,
      );
      if (all.pending === 0) break;
      if (ended !== before) changedAt = Date.now();
      if (Date.now() - changedAt > quietMostMs) break;
      before = ended;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    await kill(server, 'SIGTERM');
    bar.end();

    const books = await verifyDataDirectory(dataDir);
    const wanted = new Set(events.map(({ id }) => id));
    const disagreements: string[] = [];
    const endpoints = books.rows.map((row) => {
      const name = names.get(row.endpointId) ?? row.endpointId;
      const tally = receivers.get(name)?.tally();
      const unique = tally?.ids.size ?? 0;
      if (row.accepted !== count)
        disagreements.push(`${name}: ${row.accepted} accepted of ${count} published`);
      if (row.unaccounted !== 0 || row.pending !== 0)
        disagreements.push(`${name}: unaccounted ${row.unaccounted}, pending ${row.pending}`);
      if (tally === undefined) {
        if (row.dead !== count) disagreements.push(`${name}: ${row.dead} dead letters of ${count}`);
      } else {
        if (row.delivered !== unique || unique !== count)
          disagreements.push(`${name}: ${row.delivered} delivered, ${unique} verified ids received`);
        if (![...tally.ids.keys()].every((id) => wanted.has(id)))
          disagreements.push(`${name}: received an id that was not published`);
        if (tally.unverified > 0) disagreements.push(`${name}: ${tally.unverified} bad signatures`);
      }
      const { accepted: sum, delivered, pending, dead, cancelled, suppressed, unaccounted } = row;
      return {
        name,
        accepted: sum,
        delivered,
        pending,
        dead,
        cancelled,
        suppressed,
        unaccounted,
        receiver: {
          unique,
          requests: tally?.requests ?? 0,
          repeated: tally?.repeated ?? 0,
          unverified: tally?.unverified ?? 0,
        },
      };
    });
    if (!books.balanced) disagreements.push(`the ledger does not balance: ${books.findings.length} findings`);
    return {
      events: count,
      kills,
      seconds: (Date.now() - began) / 1000,
      endpoints,
      unaccounted: books.unaccounted,
      agrees: disagreements.length === 0 && kills > 0,
      disagreements,
    };
  } finally {
    bar.end();
    await kill(server, 'SIGKILL');
    for (const receiver of receivers.values()) await receiver.close();
  }
}
