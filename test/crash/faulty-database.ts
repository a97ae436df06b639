import { setTimeout as pause } from 'node:timers/promises';
import { startCluster } from '../citus.ts';
import { startPair } from '../failover.ts';
import { startPostgres } from '../postgres.ts';

/** A database under the nemesis, and what befalls it; one of its faults at a time. */
export interface FaultyDatabase {
  readonly databaseUrl: string;
  readonly faults: Readonly<Record<string, () => Promise<void>>>;
  /** A publisher goes to another node if one has not answered after this time. */
  readonly answerMs: number;
  /** When fewer are pending than before, at the latest. */
  readonly settleMs: number;
  stop(): Promise<void>;
}

/** `draw` answers numbers from 0 to 1, as the nemesis draws all that it decides. */
export async function startDatabase(
  kind: 'single' | 'standby' | 'cluster',
  draw: () => number,
): Promise<FaultyDatabase> {
  if (kind === 'cluster') return await startFaultyCluster(draw);
  const pair = kind === 'standby' ? await startPair() : null;
  const postgres = pair ?? (await startPostgres({ own: true }));
  const downtime = (): Promise<void> => pause(300 + draw() * 2000);
  const faults = {
    'kill database': async (): Promise<void> => {
      await postgres.kill();
      await downtime();
      await postgres.restart();
    },
    ...(pair === null
      ? {}
      : {
          'kill database, promote standby': async (): Promise<void> => {
            await pair.kill();
            await downtime();
            await pair.promote();
            await pause(draw() * 5000);
            await pair.rejoin();
          },
        }),
  };
  const databaseUrl = await postgres.createDatabase();
  return { databaseUrl, faults, answerMs: 1000, settleMs: 60_000, stop: () => postgres.stop() };
}

/** A commit over several shards takes a round trip for each, so publishers wait for longer. */
async function startFaultyCluster(draw: () => number): Promise<FaultyDatabase> {
  const cluster = await startCluster();
  const [coordinator, ...workers] = cluster.servers;
  const restart = async (server: typeof coordinator & object): Promise<void> => {
    await cluster.kill(server);
    await pause(1000 + draw() * 4000);
    await cluster.start(server);
  };
  let joined: Promise<void> | null = null;
  const faults = {
    'another worker joins': () => (joined ??= cluster.join()),
    'kill coordinator': () => restart(coordinator!),
    'kill worker': () => restart(workers[Math.floor(draw() * workers.length)]!),
  };
  const { databaseUrl } = cluster;
  return { databaseUrl, faults, answerMs: 5000, settleMs: 300_000, stop: () => cluster.stop() };
}
