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
const maxQuietMs = 120_000;
const maxRequestMs = 30_000;

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

/** What the demonstration runs on. */
interface Stage {
  readonly client: ReturnType<typeof createClient>;
  readonly receivers: ReadonlyMap<string, Receiver>;
  /** By id: what the endpoint is called. */
  readonly names: Map<string, string>;
  readonly bar: ReturnType<typeof progress>;
  /** Kills the server in the middle, and starts it again. */
  readonly killAndRestart: () => Promise<void>;
  readonly kills: () => number;
}

/** Runs the whole demonstration; resolves with what the ledger and the receivers say. */
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
    ['failing 30%', await startReceiver({ failing: 0.3 })],
  ]);
  const client = createClient(`http://127.0.0.1:${port}`, apiKey);
  let server = await startServer({ port, dataDir, apiKey });
  let kills = 0;
  const bar = progress(count * 4);
  const stage: Stage = {
    client,
    receivers,
    names: new Map(),
    bar,
    killAndRestart: async () => {
      await kill(server, 'SIGKILL');
      kills++;
      server = await startServer({ port, dataDir, apiKey });
    },
    kills: () => kills,
  };
  try {
    await createEndpoints(stage);
    const events = await paymentEvents(count);
    await publishAll(stage, events);
    await untilQuiet(stage);
    await kill(server, 'SIGTERM');
    bar.end();
    const { endpoints, unaccounted, disagreements } = await compare(stage, events, dataDir);
    return {
      events: count,
      kills,
      seconds: (Date.now() - began) / 1000,
      endpoints,
      unaccounted,
      agrees: disagreements.length === 0 && kills > 0,
      disagreements,
    };
  } finally {
    bar.end();
    await kill(server, 'SIGKILL');
    for (const receiver of receivers.values()) await receiver.close();
  }
}

async function createEndpoints({ client, receivers, names }: Stage): Promise<void> {
  await client.teams.put('demo', {});
  const create = async (name: string, fields: EndpointRequest): Promise<void> => {
    const { id } = await client.endpoints.create({ description: name, owner: 'demo', ...fields });
    names.set(id, name);
  };
  // Schedules of seconds instead of hours, so that the end can be watched.
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
  const deadUrl = `http://127.0.0.1:${await freePort()}/webhooks`;
  await create('dead', { url: deadUrl, timeoutMs: 1000, retry: { scheduleS: [0.5, 1], jitter: 1 } });
}

/** Publishes all events, with a SIGKILL in the middle. */
async function publishAll(
  { client, bar, killAndRestart, kills }: Stage,
  events: readonly EventLine[],
): Promise<void> {
  const batches = Array.from({ length: Math.ceil(events.length / batchSize) }, (_, n) =>
    events.slice(n * batchSize, (n + 1) * batchSize),
  );
  const sender = new BatchSender({
    client,
    clock: systemClock,
    random: systemRandom,
    // A refusal of the demo's own events throws.
    outcomes: { accepted: () => {}, refused: () => {} },
    skipRefused: false,
    retryForMs: maxQuietMs,
    requestMs: maxRequestMs,
    signal: new AbortController().signal,
  });
  let accepted = 0;
  let next = 0;
  const killAt = Math.floor(batches.length / 2);
  const killed: Promise<void>[] = [];
  const publisher = async (): Promise<void> => {
    while (next < batches.length) {
      const index = next++;
      if (index >= killAt && killed.length === 0) killed.push(killAndRestart());
      await sender.send(batches[index]!);
      accepted += batches[index]!.length;
      bar.at(
        0,
        `publishing: ${accepted.toLocaleString('en-US')} of ${events.length.toLocaleString('en-US')} events accepted, ${kills()} SIGKILL`,
      );
    }
  };
  await Promise.all(Array.from({ length: concurrent }, publisher));
  await Promise.all(killed);
}

/** Waits until no delivery is pending, within a bound on how long nothing may change. */
async function untilQuiet({ client, bar }: Stage): Promise<void> {
  let changedAt = Date.now();
  for (let before = -1; ;) {
    const all = await client.accounting.get();
    const ended = all.delivered + all.dead;
    bar.at(
      ended,
      `delivered ${all.delivered.toLocaleString('en-US')}, dead ${all.dead.toLocaleString('en-US')}, pending ${all.pending.toLocaleString('en-US')}`,
    );
    if (all.pending === 0) return;
    if (ended !== before) changedAt = Date.now();
    if (Date.now() - changedAt > maxQuietMs) return;
    before = ended;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

type Row = Awaited<ReturnType<typeof verifyDataDirectory>>['rows'][number];

/** Compares what the ledger says with what the receivers got. */
async function compare(
  { receivers, names }: Stage,
  events: readonly EventLine[],
  dataDir: string,
): Promise<Pick<DemoResult, 'endpoints' | 'unaccounted' | 'disagreements'>> {
  const ledger = await verifyDataDirectory(dataDir);
  const published = new Set(events.map(({ id }) => id));
  const nameOf = ({ endpointId }: Row): string => names.get(endpointId) ?? endpointId;
  const disagreements = ledger.rows.flatMap((row) =>
    findDisagreements(row, published, receivers.get(nameOf(row))).map((what) => `${nameOf(row)}: ${what}`),
  );
  if (!ledger.balanced) disagreements.push(`the ledger does not balance: ${ledger.findings.length} findings`);
  const endpoints = ledger.rows.map((row) => {
    const { accepted, delivered, pending, dead, cancelled, suppressed, unaccounted } = row;
    const received = receivers.get(nameOf(row))?.counts();
    return {
      name: nameOf(row),
      accepted,
      delivered,
      pending,
      dead,
      cancelled,
      suppressed,
      unaccounted,
      receiver: {
        unique: received?.ids.size ?? 0,
        requests: received?.requests ?? 0,
        repeated: received?.repeated ?? 0,
        unverified: received?.unverified ?? 0,
      },
    };
  });
  return { endpoints, unaccounted: ledger.unaccounted, disagreements };
}

function findDisagreements(
  row: Row,
  published: ReadonlySet<string>,
  receiver: Receiver | undefined,
): string[] {
  const count = published.size;
  const found: string[] = [];
  if (row.accepted !== count) found.push(`${row.accepted} accepted of ${count} published`);
  if (row.unaccounted !== 0 || row.pending !== 0)
    found.push(`unaccounted ${row.unaccounted}, pending ${row.pending}`);
  if (receiver === undefined) {
    if (row.dead !== count) found.push(`${row.dead} dead letters of ${count}`);
    return found;
  }
  const received = receiver.counts();
  if (row.delivered !== received.ids.size || received.ids.size !== count)
    found.push(`${row.delivered} delivered, ${received.ids.size} verified ids received`);
  if (![...received.ids.keys()].every((id) => published.has(id)))
    found.push('received an id that was not published');
  if (received.unverified > 0) found.push(`${received.unverified} bad signatures`);
  return found;
}
