import type { Alert } from '../domain/alert.ts';
import { channelPayload, type ShownChannel } from '../domain/channel.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import type { StoreFaultError } from '../domain/errors.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { StoreRead } from '../store/store.ts';
import { hourMs } from '../domain/time.ts';

/** The page is sent again after these pauses to a channel that does not answer. */
const againMs = [1000, 5000, 30_000, 120_000, 600_000];
/** While the fault lasts, every channel is notified again after this long. */
const repeatMs = 4 * hourMs;
const maxChannels = 100;

interface Way {
  readonly name: string;
  readonly channel: ShownChannel;
  readonly endpoint: Endpoint;
}

export interface StoreAlarm {
  /** Reads which channels to notify, while the store can still be read. */
  refresh(): Promise<void>;
  changed(fault: StoreFaultError | null): void;
  /** The alert that fires now, or null. */
  alert(): Alert | null;
  stop(): void;
}

interface StoreAlarmOptions {
  readonly store: Pick<StoreRead, 'documents' | 'endpoint'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly node: string;
  /** Where browsers reach the dashboard; null: pages have no links. */
  readonly publicUrl: string | null;
  /** Makes one attempt at a channel's endpoint; returns whether it succeeded. */
  readonly send: (endpoint: Endpoint, id: string, data: string) => Promise<boolean>;
}

/**
 * Pages when the store itself cannot be trusted. Every other alert is a delivery and waits in the store; this one goes
 * to the channels directly, because nothing written to lost files is ever sent.
 */
export function createStoreAlarm(options: StoreAlarmOptions): StoreAlarm {
  const { store, clock, node } = options;
  const timers = createTimers(clock);
  const notify = createNotifier({ ...options, timers });
  let ways: readonly Way[] = [];
  let alert: Alert | null = null;

  const page = (about: Alert): void => {
    alert = { ...about, notifiedAt: clock.now(), notifiedSeverity: 'page' };
    notify(alert, ways);
    timers.later(repeatMs, () => {
      if (alert !== null) page(alert);
    });
  };

  const refresh = async (): Promise<void> => {
    ways = await readWays(store);
  };

  return {
    refresh,
    changed: (fault) => {
      timers.cancel();
      const now = clock.now();
      if (fault === null) {
        if (alert !== null) notify({ ...alert, state: 'resolved', resolvedAt: now }, ways);
        alert = null;
        return;
      }
      alert = storeFaultAlert(fault, { node, now, before: alert });
      // What the store still holds in memory can be read; otherwise the channels of the last evaluation serve.
      void refresh()
        .catch(() => {})
        .then(() => {
          if (alert !== null && !timers.isStopped()) page(alert);
        });
    },
    alert: () => alert,
    stop: timers.stop,
  };
}

/** Reads the channels that a page goes to. */
async function readWays(store: Pick<StoreRead, 'documents' | 'endpoint'>): Promise<readonly Way[]> {
  const channels = (await store.documents('channel')).slice(0, maxChannels);
  const read = await Promise.all(
    channels.map(async ({ name, document: { channel, endpointId } }): Promise<Way | null> => {
      const endpoint = await store.endpoint(endpointId);
      return endpoint === null ? null : { name, channel, endpoint };
    }),
  );
  return read.filter((way) => way !== null);
}

/** The alert about a fault; the one before it goes on. */
function storeFaultAlert(
  { fault, message }: StoreFaultError,
  { node, now, before }: { readonly node: string; readonly now: number; readonly before: Alert | null },
): Alert {
  return {
    id: before?.id ?? `alr_store_${node}_${now}`,
    rule: 'store_fault',
    group: node,
    severity: 'page',
    state: 'firing',
    owner: null,
    summary: `The store of ${node} is ${fault}: nothing is accepted`,
    evidence: { fault, next_step: message },
    since: before?.since ?? now,
    firedAt: before?.firedAt ?? now,
    resolvedAt: null,
    acknowledgedAt: null,
    notifiedAt: null,
    notifiedSeverity: null,
  };
}

/** Timers that are cancelled together. */
interface Timers {
  later(ms: number, work: () => void): void;
  cancel(): void;
  /** Cancels them for good. */
  stop(): void;
  isStopped(): boolean;
}

function createTimers(clock: Clock): Timers {
  const cancels = new Set<() => void>();
  let stopped = false;
  const cancel = (): void => {
    for (const one of cancels) one();
    cancels.clear();
  };
  return {
    later: (ms, work) => {
      const one = clock.after(ms, () => {
        cancels.delete(one);
        work();
      });
      cancels.add(one);
    },
    cancel,
    stop: () => {
      stopped = true;
      cancel();
    },
    isStopped: () => stopped,
  };
}

/** Returns what sends a page to every channel, again to each that does not answer. */
function createNotifier({
  logger,
  publicUrl,
  send,
  timers,
}: Pick<StoreAlarmOptions, 'logger' | 'publicUrl' | 'send'> & { readonly timers: Timers }): (
  about: Alert,
  ways: readonly Way[],
) => void {
  const notifyOne = async (way: Way, about: Alert, tries: number): Promise<void> => {
    const id = `${about.id}-${about.state}-${about.notifiedAt ?? about.since}-${way.name}`;
    const answered = await send(
      way.endpoint,
      id,
      JSON.stringify(channelPayload(way.channel, about, publicUrl)),
    ).catch(() => false);
    const wait = againMs[tries];
    if (answered || timers.isStopped()) return;
    if (wait === undefined)
      logger.error(
        { code: 'store_page_failed', channel: way.name },
        'a page about the store was not delivered',
      );
    else timers.later(wait, () => void notifyOne(way, about, tries + 1));
  };
  return (about, ways) => {
    if (ways.length === 0)
      logger.error(
        { code: 'store_page_unaddressed' },
        'no channel to send the page about the store to: declare one',
      );
    for (const way of ways) void notifyOne(way, about, 0);
  };
}
