import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { table } from '../../packages/posthorn/src/cli/output.ts';
import { ask, startPostgres } from '../../test/postgres.ts';
import { publish } from './load.ts';
import { cpuSeconds, memoryMb } from './processes.ts';
import { type Sender, senders } from './senders.ts';
import type { Arrivals, Orders } from './sink.ts';

// `npm start -- [--rounds 3] [--events 10000] [--only posthorn-sqlite,pg-boss]`: see README.md.

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    events: { type: 'string', default: '10000' },
    only: { type: 'string', default: Object.keys(senders).join(',') },
    'sink-port': { type: 'string', default: '8499' },
    'watch-s': { type: 'string', default: '90' },
  },
});
const count = Number(values.events);
const names = values.only.split(',');
const inFlightAtKill = 64;
/** At a steady rate for 10 s, and before a kill. */
const fewEvents = Math.min(count, 2000);

const postgres = await startPostgres({ durable: true });
const maintenance = await postgres.createDatabase();
const [place] = await ask<{ data_directory: string }>(maintenance, 'SHOW data_directory');
const postgresPid = Number(
  readFileSync(join(place!.data_directory, 'postmaster.pid'), 'utf8').split('\n')[0],
);
const sink = fork(new URL('./sink.ts', import.meta.url), [values['sink-port']], { execArgv: [] });
const sinkUrl = await new Promise<string>((resolve) =>
  sink.once('message', ({ port }: { port: number }) => resolve(`http://127.0.0.1:${port}/hook`)),
);
const order = (orders: Partial<Orders>): boolean =>
  sink.send({ answer: 'ok', delayMs: 0, isFresh: false, ...orders });
const arrivals = (): Promise<Arrivals> =>
  new Promise((resolve) => {
    sink.once('message', resolve);
    sink.send('arrivals');
  });

/** Waits until so many events have arrived, or for so long; resolves with what has. */
async function arrived(wanted: number, maxS: number): Promise<Arrivals> {
  const end = performance.now() + maxS * 1000;
  for (;;) {
    const found = await arrivals();
    if (found.events >= wanted || performance.now() > end) return found;
    await pause(20);
  }
}

/** As fast as it takes them at 64 connections, or at a steady rate. */
async function measure(sender: Sender, perS: number | null): Promise<Record<string, number>> {
  order({ isFresh: true });
  const cpu = cpuSeconds(sender.pids());
  const began = performance.now();
  const events = perS === null ? count : fewEvents;
  const { acknowledged, seconds } = await publish(sender.publishing, {
    count: events,
    connections: 64,
    perS,
  });
  const found = await arrived(acknowledged, 120);
  const total = (performance.now() - began) / 1000;
  return {
    accepted: acknowledged / seconds,
    delivered: found.events / total,
    missing: acknowledged - found.events,
    cpuMs: ((cpuSeconds(sender.pids()) - cpu) * 1000) / events,
    memory: memoryMb(sender.pids()),
    p50: found.p50,
    p99: found.p99,
  };
}

/** Killed while its receiver hangs: what was in flight has not arrived, and has to be sent again. */
async function killed(sender: Sender): Promise<Record<string, number | string>> {
  order({ answer: 'hang', isFresh: true });
  const { acknowledged } = await publish(sender.publishing, {
    count: fewEvents,
    connections: 64,
    perS: null,
  });
  while ((await arrivals()).requests < inFlightAtKill) await pause(20);
  const { requests } = await arrivals();
  await sender.restart!(() => order({ answer: 'ok', isFresh: true }));
  const began = performance.now();
  const at: string[] = [];
  let found = await arrivals();
  for (const share of [0.5, 0.99, 1]) {
    found = await arrived(acknowledged * share, Number(values['watch-s']));
    const isThere = found.events >= acknowledged * share;
    at.push(isThere ? ((performance.now() - began) / 1000).toFixed(1) : 'never');
    if (!isThere) break;
  }
  return {
    acknowledged,
    requests,
    half: at[0]!,
    most: at[1] ?? 'never',
    all: at[2] ?? 'never',
    lost: acknowledged - found.events,
    twice: found.requests - found.events,
  };
}

const results = new Map(names.map((name) => [name, [] as Record<string, number>[]]));
const steady = new Map(names.map((name) => [name, [] as Record<string, number>[]]));
const kills: string[][] = [];
for (let round = 1; round <= Number(values.rounds); round++)
  // Each round begins with another one: what the machine does meanwhile hits all alike.
  for (const name of [...names.slice(round % names.length), ...names.slice(0, round % names.length)]) {
    process.stderr.write(`round ${round}: ${name}\n`);
    const sender = await senders[name]!({ sinkUrl, postgres, postgresPid }).catch(() => null);
    if (sender === null) {
      process.stderr.write(`${name} does not start and is left out\n`);
      continue;
    }
    try {
      results.get(name)!.push(await measure(sender, null));
      steady.get(name)!.push(await measure(sender, 200));
      if (round > 1 || sender.restart === null) continue;
      const { acknowledged, requests, half, most, all, lost, twice } = await killed(sender);
      kills.push([name, acknowledged, requests, half, most, all, lost, twice].map(String));
    } finally {
      await sender.stop();
    }
  }

const measured = names.filter((name) => results.get(name)!.length > 0);
const median = (all: readonly number[]): number => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)]!;
const row = (
  of: Map<string, Record<string, number>[]>,
  name: string,
  figures: readonly string[],
): string[] => [
  name,
  ...figures.map((figure) => median(of.get(name)!.map((one) => one[figure]!)).toPrecision(3)),
];
const flood = ['accepted', 'delivered', 'cpuMs', 'memory', 'missing'];
console.log(
  table(
    ['sender', 'accepted/s', 'delivered/s', 'cpu ms/event', 'MB', 'missing'],
    measured.map((name) => row(results, name, flood)),
  ),
);
console.log('\n200 a second:\n');
console.log(
  table(
    ['sender', 'p50 ms', 'p99 ms', 'cpu ms/event'],
    measured.map((name) => row(steady, name, ['p50', 'p99', 'cpuMs'])),
  ),
);
console.log('\nkill -9 while the receiver hangs, restart after 2 s; seconds from the start:\n');
console.log(
  table(['sender', 'acknowledged', 'requests before', '50%', '99%', 'all', 'never arrived', 'twice'], kills),
);
sink.kill();
await postgres.stop();
