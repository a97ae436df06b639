import { createClient } from '@posthorn/client';
import { readSettings } from '../../../config/settings.ts';
import { systemClock } from '../../../runtime/clock.ts';
import { systemRandom } from '../../../runtime/random.ts';
import { SeededRandom } from '../../../runtime/seeded-random.ts';
import { CommandError, note } from '../../output.ts';
import { startServing } from '../../serve-process.ts';
import { calendarUntil } from './calendar.ts';
import { startReceivers } from './receiver-server.ts';
import { Traffic } from './traffic.ts';
import { redirectedTransport } from './transports.ts';

const eventsPerS = 40;
const everyMs = 100;

export interface LiveOptions {
  readonly dataDir: string;
  readonly host?: string;
  readonly port?: string;
}

export interface Live {
  readonly url: string;
  readonly key: string;
  /** Stops publishing, serving and receiving, in this order. */
  stop(): Promise<void>;
}

/** Serves the data directory of a demo, with receivers, and publishes to it as Kestrel Pay continues. */
export async function startLive({ dataDir, ...address }: LiveOptions): Promise<Live> {
  const key = `phk_${Buffer.from(systemRandom.bytes(24)).toString('base64url')}`;
  // `--log-level`: intended failures would fill the terminal.
  const read = readSettings(
    { ...address, dataDir, apiKey: key, allowPrivateNetworks: true, logLevel: 'silent' },
    {},
  );
  if ('faults' in read) throw new CommandError(read.faults.join('\n'), 2);
  const calendar = calendarUntil(systemClock.now());
  const receivers = await startReceivers(calendar);
  const { origin } = receivers;
  const serving = await startServing(read.settings, {
    transport: (network) => redirectedTransport(network, { calendar, clock: systemClock, origin }),
  }).catch(async (error: unknown) => {
    await receivers.close();
    throw error;
  });
  const publishing = publishOn(serving.url, key);
  return {
    url: serving.url,
    key,
    stop: async () => {
      await publishing.stop();
      await serving.stop();
      await receivers.close();
    },
  };
}

/** Publishes at a roughly steady rate until it is stopped; a temporary refusal is skipped. */
function publishOn(url: string, key: string): { stop(): Promise<void> } {
  const client = createClient(url, key);
  const random = new SeededRandom(systemClock.now(), 'live');
  const traffic = new Traffic(random);
  let isStopped = false;
  let hasFailed = false;
  let cancel = (): void => {};
  const round = async (): Promise<void> => {
    const now = systemClock.now();
    const count = Math.round((eventsPerS * everyMs * 2 * random.float()) / 1000);
    const events = Array.from({ length: count }, () => traffic.event(now));
    try {
      if (events.length > 0) await client.events.publishBatch({ events });
      hasFailed = false;
    } catch (error) {
      if (!hasFailed) note(`publishing failed, and continues: ${(error as Error).message}`);
      hasFailed = true;
    }
    if (!isStopped) next();
  };
  let running: Promise<void> | null = null;
  const next = (): void => {
    cancel = systemClock.after(everyMs, () => {
      running = round();
    });
  };
  next();
  return {
    stop: async () => {
      isStopped = true;
      cancel();
      await running;
    },
  };
}
