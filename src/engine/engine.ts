import type { StoreFaultError } from '../domain/errors.ts';
import type { NodeClock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Random } from '../runtime/random.ts';
import { everyEndpoint } from '../store/every-endpoint.ts';
import type { Hints, Settlement, Store } from '../store/store.ts';
import type { Transport } from '../transport/transport.ts';
import { BreakerKeeper } from './breaker-keeper.ts';
import { Dispatcher } from './dispatcher.ts';
import { FanOut } from './fan-out.ts';
import { defaultRetention, type Retention, startHousekeeping } from './housekeeping.ts';
import { Intake } from './intake.ts';
import { createOwnership } from './ownership.ts';
import type { Engine, EngineObserver } from './port.ts';
import { endFutureSecrets } from './future-secrets.ts';
import { Redriver } from './redriver.ts';
import { Settler } from './settler.ts';
import { type StoreWatch, watchStore } from './store-watch.ts';
import { Timekeeper } from './timekeeper.ts';
import type { Tracing } from './tracing.ts';

export interface EngineOptions {
  readonly store: Store;
  readonly transport: Transport;
  readonly clock: NodeClock;
  readonly random: Random;
  readonly logger: Logger;
  /** This node's name, the same in every life: under it former claims are taken over. */
  readonly node: string;
  readonly version: string;
  /** Hints of a store that many nodes share. */
  readonly hints?: Hints;
  /** Something that was declared has changed, here or elsewhere. */
  readonly onConfig?: () => Promise<void>;
  readonly observer?: EngineObserver;
  readonly tracing?: Tracing;
  readonly retention?: Retention;
  /** The store's files are missing, replaced or damaged; null: they are back. Set: they are watched. */
  readonly onStoreFault?: (fault: StoreFaultError | null) => void;
}

const probeMs = 1000;
const probeSize = 256 * 1024;

/** Puts intake, dispatcher and settler together. See docs/internals for the way of a delivery. */
export function createEngine(options: EngineOptions): Engine {
  const { store, clock, logger, observer, tracing } = options;
  let running = false;
  // What was refused last time: a small outcome may still find room where no event does.
  const refused = new Set<'events' | 'outcomes' | 'heartbeats'>();
  let housekeeping: { stop(): void } | null = null;
  let watch: StoreWatch | null = null;

  const onHealth = (what: 'events' | 'outcomes' | 'heartbeats', takes: boolean): void => {
    if (takes !== refused.has(what)) return;
    if (takes) {
      refused.delete(what);
      logger.info({}, `the store takes ${what} again`);
      return;
    }
    refused.add(what);
    observer?.storeFailed();
    logger.error({}, `the store refuses ${what}; readyz is false until it takes them`);
    if (what === 'events') probe();
  };
  // Nobody may be publishing when the disk has room again, so a write of our own, as large as an event, finds out.
  const probe = (): void => {
    clock.after(probeMs, () => {
      if (!refused.has('events') || !running) return;
      store.saveSetting('probe', `${clock.now()}${' '.repeat(probeSize)}`).then(
        () => onHealth('events', true),
        () => probe(),
      );
    });
  };

  /** The endpoint is gone by its own word (410): nothing more is sent until somebody resumes it. */
  const pauseGone = async (id: string): Promise<void> => {
    try {
      const endpoint = await store.updateEndpoint(id, {
        enabled: false,
        pausedReason: 'gone',
        updatedAt: clock.now(),
      });
      if (endpoint !== null) dispatcher.setEndpoint(id, endpoint);
      logger.warn({ endpoint: id }, 'the receiver answered 410 Gone: its endpoint is paused');
    } catch (error) {
      // The next 410 tries again.
      logger.error(
        { endpoint: id, error: (error as Error).message },
        'cannot pause an endpoint that answered 410',
      );
    }
  };

  const settled = (settlement: Settlement, applied: boolean): void => {
    const { endpointId, state, dueAt, reason, keyed, now } = settlement;
    observer?.settled(settlement, applied);
    tracing?.settled(settlement, applied);
    if (applied && state === 'pending') dispatcher.dueBy(endpointId, dueAt!);
    else if (applied) {
      if (reason === 'gone') void pauseGone(endpointId);
      // A dead letter that was redriven while its last attempt was in flight is due again.
      if (keyed || state === 'dead') dispatcher.dueBy(endpointId, now);
    }
    dispatcher.resume();
  };

  const settler = new Settler({
    store,
    clock,
    logger,
    settled,
    onHealth: (takes) => onHealth('outcomes', takes),
  });
  const breakers = new BreakerKeeper({ store, clock, logger });
  const dispatcher: Dispatcher = new Dispatcher({
    store,
    onBreaker: (change) => breakers.note(change),
    transport: options.transport,
    clock,
    random: options.random,
    logger,
    node: options.node,
    settler: () => settler,
    userAgent: `Posthorn/${options.version}`,
    tracing,
  });
  const intake = new Intake({
    store,
    clock,
    onHealth: (takes) => onHealth('events', takes),
    options: (now) => dispatcher.acceptOptions(now),
    tracing,
    accepted: (groups, answer, accepted, traces) => {
      dispatcher.takeFresh(groups, answer, accepted, traces);
      if (answer.fanOuts > 0) fanOut.wake();
      if (observer === undefined) return;
      let events = 0;
      let deliveries = 0;
      for (const group of answer.groups) {
        if (!('receipts' in group)) continue;
        for (const receipt of group.receipts) {
          if (receipt.duplicate) continue;
          events++;
          deliveries += receipt.deliveries;
        }
      }
      observer.accepted(events, deliveries);
    },
  });
  const wake = (endpointIds: readonly string[]): void => {
    const now = clock.now();
    for (const id of endpointIds) dispatcher.dueBy(id, now);
  };
  const fanOut = new FanOut({ store, clock, logger, node: options.node, due: wake });
  // What one node at a time does beside the delivery path falls to the owner of the first shard.
  let shards: readonly number[] = [];
  const mine = (): boolean => shards.includes(0);
  const redriver = new Redriver({ store, clock, logger, due: wake, mine });

  const loadEndpoints = async (): Promise<void> => {
    const gone = new Set(dispatcher.endpointIds);
    for await (const endpoint of everyEndpoint(store)) {
      dispatcher.setEndpoint(endpoint.id, endpoint);
      gone.delete(endpoint.id);
    }
    for (const id of gone) dispatcher.setEndpoint(id, null);
  };
  const look = async (): Promise<void> => {
    dispatcher.hearBreakers(await store.openBreakers());
    for (const { endpointId, dueAt } of await store.nextDue(shards)) dispatcher.dueBy(endpointId, dueAt);
    redriver.wake();
    // Those of a node that died, and those of a former run of this one.
    if (mine()) fanOut.wake();
  };
  const timekeeper: Timekeeper = new Timekeeper({
    store,
    clock,
    logger,
    shared: options.hints !== undefined,
    isCoordinator: mine,
    onJump: (byMs) => {
      settler.move(byMs);
      dispatcher.move(byMs);
    },
    onMoved: async ({ now, byMs }) => {
      if (byMs < 0)
        for (const endpoint of await endFutureSecrets(store, now))
          dispatcher.setEndpoint(endpoint.id, endpoint);
      if (running) await look();
    },
  });
  const ownership = createOwnership({
    store,
    clock,
    logger,
    node: options.node,
    hints: options.hints ?? null,
    onTime: (now) => void timekeeper.compare(now),
    onShards: (owned) => {
      shards = owned;
      dispatcher.own(owned);
    },
    onConfig: async () => {
      await options.onConfig?.();
      await loadEndpoints();
      await look();
    },
    onDead: async (dead) => {
      await store.takeOver(dead, clock.now());
      await look();
    },
    onLook: async () => {
      if (running) await look();
    },
    onDue: (endpointIds) => {
      wake(endpointIds);
      // A notice of no endpoint is one of a redrive.
      if (endpointIds.length === 0) redriver.wake();
    },
    onHealth: (answers) => onHealth('heartbeats', answers),
  });

  return {
    start: async () => {
      await ownership.start();
      await timekeeper.start();
      const taken = await store.takeOver(options.node, clock.now());
      if (taken > 0)
        logger.info(
          { deliveries: taken },
          'took over the claims of a former life: these deliveries are due now',
        );
      await loadEndpoints();
      // What was broken in a former life, or is by another node's word, begins slowly.
      dispatcher.hearBreakers(await store.openBreakers());
      running = true;
      dispatcher.begin();
      if (options.onStoreFault !== undefined)
        watch = watchStore({ store, clock, logger, onFault: options.onStoreFault });
      housekeeping = startHousekeeping({
        store,
        clock,
        logger,
        retention: options.retention ?? defaultRetention,
        mine,
      });
      await look();
    },
    stop: async (graceMs) => {
      running = false;
      housekeeping?.stop();
      watch?.stop();
      redriver.stop();
      await intake.close();
      await fanOut.stop();
      await timekeeper.stop();
      await ownership.stop();
      const drained = dispatcher.stop().then(() => Promise.all([settler.drained(), breakers.stop()]));
      let cancel = (): void => {};
      const grace = new Promise<void>((resolve) => {
        cancel = clock.after(graceMs, () => {
          logger.warn(
            { inFlight: dispatcher.inFlight },
            'attempts are still in flight after the grace time: they will be made again',
          );
          resolve();
        });
      });
      await Promise.race([drained, grace]);
      cancel();
    },
    publish: (events, trace) => intake.publish(events, trace),
    wake: (endpointIds) => {
      wake(endpointIds);
      redriver.wake();
    },
    endpointChanged: (id, endpoint) => {
      dispatcher.setEndpoint(id, endpoint);
      if (endpoint?.enabled === true) dispatcher.dueBy(id, clock.now());
    },
    status: () => ({
      ready: running && refused.size === 0 && (watch?.fault ?? null) === null,
      storeFault: watch?.fault?.fault ?? null,
      inFlight: dispatcher.inFlight,
      buffered: dispatcher.buffered,
      lanes: dispatcher.lanes,
      held: dispatcher.held,
      shards,
      clock: timekeeper.status,
    }),
  };
}
