import type { Alert } from '../domain/alert.ts';
import { payloadOf, type ShownChannel } from '../domain/channel.ts';
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

/**
 * Pages when the store itself cannot be trusted. Every other alert is a delivery and waits in the store; this one goes
 * to the channels directly, because nothing written to lost files is ever sent.
 */
export function createStoreAlarm(options: {
  readonly store: Pick<StoreRead, 'documents' | 'endpoint'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly node: string;
  /** Where browsers reach the dashboard; null: pages have no links. */
  readonly publicUrl: string | null;
  /** Makes one attempt at a channel's endpoint; returns whether it succeeded. */
  readonly send: (endpoint: Endpoint, id: string, data: string) => Promise<boolean>;
}): StoreAlarm {
  const { store, clock, logger, node, publicUrl, send } = options;
  let ways: readonly Way[] = [];
  let alert: Alert | null = null;
  let stopped = false;
  const timers = new Set<() => void>();

  const later = (ms: number, work: () => void): void => {
    const cancel = clock.after(ms, () => {
      timers.delete(cancel);
      work();
    });
    timers.add(cancel);
  };
  const cancelAll = (): void => {
    for (const cancel of timers) cancel();
    timers.clear();
  };

  const notifyOne = async (way: Way, about: Alert, tries: number): Promise<void> => {
    const id = `${about.id}-${about.state}-${about.notifiedAt ?? about.since}-${way.name}`;
    const answered = await send(
      way.endpoint,
      id,
      JSON.stringify(payloadOf(way.channel, about, publicUrl)),
    ).catch(() => false);
    const wait = againMs[tries];
    if (answered || stopped) return;
    if (wait === undefined)
      logger.error(
        { code: 'store_page_failed', channel: way.name },
        'a page about the store was not delivered',
      );
    else later(wait, () => void notifyOne(way, about, tries + 1));
  };
  const notify = (about: Alert): void => {
    if (ways.length === 0)
      logger.error(
        { code: 'store_page_unaddressed' },
        'the page about the store has nowhere to go: declare a channel',
      );
    for (const way of ways) void notifyOne(way, about, 0);
  };
  const page = (about: Alert): void => {
    alert = { ...about, notifiedAt: clock.now(), notifiedSeverity: 'page' };
    notify(alert);
    later(repeatMs, () => {
      if (alert !== null) page(alert);
    });
  };

  const refresh = async (): Promise<void> => {
    const channels = (await store.documents('channel')).slice(0, maxChannels);
    const read = await Promise.all(
      channels.map(async ({ name, document: { channel, endpointId } }): Promise<Way | null> => {
        const endpoint = await store.endpoint(endpointId);
        return endpoint === null ? null : { name, channel, endpoint };
      }),
    );
    ways = read.filter((way) => way !== null);
  };

  return {
    refresh,
    changed: (fault) => {
      cancelAll();
      const now = clock.now();
      if (fault === null) {
        if (alert !== null) notify({ ...alert, state: 'resolved', resolvedAt: now });
        alert = null;
        return;
      }
      alert = {
        id: alert?.id ?? `alr_store_${node}_${now}`,
        rule: 'store_fault',
        group: node,
        severity: 'page',
        state: 'firing',
        owner: null,
        summary: `The store of ${node} is ${fault.fault}: nothing is accepted`,
        evidence: { fault: fault.fault, next_step: fault.message },
        since: alert?.since ?? now,
        firedAt: alert?.firedAt ?? now,
        resolvedAt: null,
        acknowledgedAt: null,
        notifiedAt: null,
        notifiedSeverity: null,
      };
      // What the store still holds in memory can be read; otherwise the channels of the last evaluation serve.
      void refresh()
        .catch(() => {})
        .then(() => {
          if (alert !== null && !stopped) page(alert);
        });
    },
    alert: () => alert,
    stop: () => {
      stopped = true;
      cancelAll();
    },
  };
}
