import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createEngine } from '../packages/posthorn/src/engine/engine.ts';
import { nodeClock, systemClock as clock } from '../packages/posthorn/src/runtime/clock.ts';
import { createLogger } from '../packages/posthorn/src/runtime/logger.ts';
import { systemRandom as random } from '../packages/posthorn/src/runtime/random.ts';
import { openSqliteStore } from '../packages/posthorn/src/store/sqlite/open.ts';
import { plainKeyring } from '../packages/posthorn/src/secrets/keyring.ts';
import { createAddressGuard } from '../packages/posthorn/src/transport/address-guard.ts';
import { createHttpTransport } from '../packages/posthorn/src/transport/http-transport.ts';
import { NameLookup } from '../packages/posthorn/src/transport/name-lookup.ts';
import { SystemNameServers } from '../packages/posthorn/src/transport/name-servers.ts';
import { anEndpoint, anEvent } from '../test/support.ts';
import { aNameServer } from '../test/name-server.ts';
import { payments } from './payments.ts';
import { startSink, takeLatencies } from './sink-process.ts';

// What one endpoint in trouble does to the others, and what many origins cost:
// `isolation.ts [hangs|origin|names|origins]… [--rounds 3] [--seconds 20]`. Publishes 500 events a second, with and without
// the trouble in turn; prints how long the others' events took from publishing to the receiver's first byte, and
// the ratio of their p99. Each endpoint has a tenant of its own.

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '3' }, seconds: { type: 'string', default: '20' } },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const perS = 500;
const timeoutMs = 2000;
/** Events of the first seconds are not counted. */
const warmUpS = 3;

const sink = await startSink('--latency', '--host', '0.0.0.0');
/** The hanging endpoint's own host. */
const other = await startSink();

const names = await aNameServer({ 'silent.test': { silent: 'all' } });
for (let n = 0; n < 100; n++) names.zone[`e${n}.test`] = { A: ['127.0.0.1'], ttlS: 5 };

interface Measured {
  readonly p50: number;
  readonly p99: number;
  readonly rssMb: number;
}

/** The endpoint whose index is `untimed` is in trouble: what goes to it is not counted. */
async function run(urls: readonly string[], untimed: number | null): Promise<Measured> {
  const dataDir = mkdtempSync(join(tmpdir(), 'posthorn-bench-'));
  const store = await openSqliteStore({ dataDir, thread: true });
  await Promise.all(
    urls.map((url, n) => store.write.createEndpoint(anEndpoint({ url, tenant: `tenant-${n}`, timeoutMs }))),
  );
  const lookup = new NameLookup({
    clock,
    servers: new SystemNameServers({ clock, servers: [names.address] }),
  });
  const guard = createAddressGuard({ allowPrivateNetworks: true });
  const transport = createHttpTransport({ clock, random, guard, names: lookup });
  const logger = createLogger('error');
  const engine = createEngine({
    store,
    transport,
    clock: nodeClock(clock),
    random,
    keyring: plainKeyring,
    logger,
    node: 'local',
    version: 'bench',
  });
  await engine.start();
  const began = performance.now();
  let published = 0;
  const open: Promise<unknown>[] = [];
  let warm = false;
  while (published < perS * seconds) {
    if (!warm && published > perS * warmUpS) {
      await takeLatencies(sink);
      warm = true;
    }
    const due = Math.min(perS * seconds, ((performance.now() - began) / 1000) * perS);
    for (; published < due; published++) {
      const to = published % urls.length;
      const { data } = payments[published % payments.length]!;
      const sentAt = to === untimed ? '' : `"sent_at":${performance.timeOrigin + performance.now()},`;
      open.push(engine.publish([anEvent({ tenant: `tenant-${to}`, data: `{${sentAt}"payment":${data}}` })]));
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(open);
  const rssMb = process.memoryUsage.rss() / 1e6;
  // Longer than the timeout: what is in flight to the hanging endpoint ends in it.
  await engine.stop(2 * timeoutMs + 1000);
  const latencies = (await takeLatencies(sink)).toSorted((a, b) => a - b);
  await transport.close();
  lookup.close();
  await store.close();
  rmSync(dataDir, { recursive: true, force: true });
  const quantile = (q: number): number => latencies[Math.floor(latencies.length * q)] ?? Number.NaN;
  return { p50: quantile(0.5), p99: quantile(0.99), rssMb };
}

const hundred = (url: (n: number) => string, first?: string): string[] =>
  Array.from({ length: 100 }, (_, n) => (n === 0 && first !== undefined ? first : url(n)));
const byAddress = (n: number): string => `http://127.0.0.1:${sink.port}/hook/${n}`;
const byName = (n: number): string => `http://e${n}.test:${sink.port}/hook`;
const ownOrigins = (count: number): string[] =>
  Array.from({ length: count }, (_, n) => `http://127.1.${n >> 8}.${n & 255}:${sink.port}/hook`);

const scenarios: Readonly<
  Record<
    string,
    { what: string; budget: number; without: string[]; beside: string[]; untimed: number | null }
  >
> = {
  hangs: {
    what: 'one of 100 endpoints hangs',
    budget: 2,
    without: hundred(byAddress),
    beside: hundred(byAddress, `http://127.0.0.1:${other.port}/silent`),
    untimed: 0,
  },
  origin: {
    what: 'one of 100 endpoints hangs on the origin of all',
    budget: 2,
    without: hundred(byAddress),
    beside: hundred(byAddress, `http://127.0.0.1:${sink.port}/silent`),
    untimed: 0,
  },
  names: {
    what: 'one of 100 endpoints has a silent name server',
    budget: 2,
    without: hundred(byName),
    beside: hundred(byName, `http://silent.test:${sink.port}/hook`),
    untimed: 0,
  },
  origins: {
    what: '10,000 endpoints on 10,000 origins, against 100',
    budget: 3,
    without: ownOrigins(100),
    beside: ownOrigins(10_000),
    untimed: null,
  },
};

const chosen = positionals.length === 0 ? Object.keys(scenarios) : positionals;
const worst: number[] = [];
for (const name of chosen) {
  const scenario = scenarios[name];
  if (scenario === undefined)
    throw new Error(`Unknown scenario ${name}: use ${Object.keys(scenarios).join(', ')}.`);
  const { what, budget, without, beside, untimed } = scenario;
  // In turn, so that what else the machine does meets both alike; the first run warms up.
  await run(without, untimed);
  const ratios: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const alone = await run(without, untimed);
    const troubled = await run(beside, untimed);
    ratios.push(troubled.p99 / alone.p99);
    process.stderr.write(
      `${what}: p50 ${troubled.p50.toFixed(1)} ms, p99 ${troubled.p99.toFixed(1)} ms, ${troubled.rssMb.toFixed(0)} MB; ` +
        `without ${alone.p50.toFixed(1)} ms, ${alone.p99.toFixed(1)} ms, ${alone.rssMb.toFixed(0)} MB\n`,
    );
  }
  const median = ratios.toSorted((a, b) => a - b)[Math.floor(rounds / 2)]!;
  worst.push(median / budget);
  process.stderr.write(
    `${what}: p99 is ${median.toFixed(2)} of that without, median of ${rounds} (budget ${budget}): ${median <= budget ? 'met' : 'missed'}\n`,
  );
}
process.stdout.write(`${Math.max(...worst)}\n`);
names.close();
sink.process.kill();
other.process.kill();
