import { shardCount } from '../domain/shard.ts';
import type { StoreFaultError } from '../domain/errors.ts';
import type { NodeClock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Random } from '../runtime/random.ts';
import type { Keyring } from '../secrets/keyring.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import { freedBy } from '../domain/ordering.ts';
import { UnavailableError } from '../domain/errors.ts';
import { within } from '../runtime/within.ts';
import { everyEndpoint } from '../store/every-endpoint.ts';
import type { Hints, SettleAnswer, Settlement, Store } from '../store/store.ts';
import type { Transport } from '../transport/transport.ts';
import { Dispatcher } from './dispatcher.ts';
import { EndpointHealth } from './endpoint-health.ts';
import { FanOut } from './fan-out.ts';
import { defaultRetention, type Retention, startHousekeeping } from './housekeeping.ts';
import { Intake } from './intake.ts';
import { createOwnership } from './ownership.ts';
import type { Engine, EngineObserver, StopReport } from './port.ts';
import { endFutureSecrets } from './future-secrets.ts';
import { KeySets } from './key-sets.ts';
import { Redriver } from './redriver.ts';
import { SealWatch } from './seal-watch.ts';
import { Settler } from './settler.ts';
import { Sharing } from '../runtime/sharing.ts';
import { type StoreWatch, watchStore } from './store-watch.ts';
import { Timekeeper } from './timekeeper.ts';
import type { Tracing } from './tracing.ts';
import type { Transformer } from './transformer.ts';
import { reachesOtherwise } from './opened-reach.ts';
import { signerOf } from './webhook.ts';

export interface EngineOptions {
  readonly store: Store;
  readonly transport: Transport;
  readonly clock: NodeClock;
  readonly random: Random;
  readonly keyring: Keyring;
  readonly logger: Logger;
  /** This node's name, the same in every run: under it claims of a previous run are recovered. */
  readonly node: string;
  readonly version: string;
  /** Hints of a store that many nodes share. */
  readonly hints?: Hints;
  /** Something that was declared has changed, here or elsewhere. */
  readonly onConfig?: () => Promise<void>;
  readonly observer?: EngineObserver;
  readonly tracing?: Tracing;
  /** Runs the expressions of endpoints that have one. */
  readonly transformer?: Transformer;
  readonly retention?: Retention;
  /** The store's files are missing, replaced or damaged; null: they are back. Set: they are watched. */
  readonly onStoreFault?: (fault: StoreFaultError | null) => void;
}

const probeMs = 1000;
/** After the grace time, for giving back the claims of what is in flight. */
const releaseMs = 2000;
const probeSize = 256 * 1024;

/** Puts intake, dispatcher and settler together. See docs/internals for the way of a delivery. */
export function createEngine(options: EngineOptions): Engine {
  const { store, clock, logger, observer, tracing } = options;
  let running = false;
  // What was refused last time: a small outcome may still find room where no event does.
  const refused = new Set<'events' | 'outcomes' | 'heartbeats'>();
  let housekeeping: { stop(): void } | null = null;
  let watch: StoreWatch | null = null;

  const onHealth = (what: 'events' | 'outcomes' | 'heartbeats', takes: boolean, error?: Error): void => {
    if (takes !== refused.has(what)) return;
    if (takes) {
      refused.delete(what);
      logger.info({}, `the store takes ${what} again`);
      return;
    }
    refused.add(what);
    observer?.storeFailed();
    logger.error(
      error === undefined ? {} : { error: error.message },
      `the store refuses ${what}; readyz is false until it takes them`,
    );
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

  const settled = (settlement: Settlement, answer: SettleAnswer): void => {
    const { endpointId, state, dueAt, reason, keyed, now } = settlement;
    const applied = answer !== 'superseded';
    observer?.settled(settlement, applied);
    tracing?.settled(settlement, applied);
    if (applied && reason === 'gone') void health.pauseGone(endpointId);
    if (state !== 'delivered') health.disableFailing(endpointId);
    if (answer === 'redriven') dispatcher.dueBy(endpointId, now);
    else if (applied && state === 'pending') dispatcher.dueBy(endpointId, dueAt!);
    else if (applied && keyed) dispatcher.dueBy(endpointId, now);
    dispatcher.resume();
  };

  const sharing = new Sharing(clock);
  const settler = new Settler({
    store,
    sharing,
    clock,
    logger,
    settled,
    onHealth: (takes) => onHealth('outcomes', takes),
  });
  const keySets = new KeySets();
  const sealWatch = new SealWatch(options.keyring, logger);
  const health = new EndpointHealth({ store, clock, logger, dispatcher: () => dispatcher });
  const dispatcher: Dispatcher = new Dispatcher({
    store,
    sharing,
    mayClaim: () => timekeeper.mayClaim,
    onBreaker: (change) => health.noteBreaker(change),
    onContact: (endpoint, contact) => health.noteContact(endpoint, contact),
    onFailing: (change, isTooLong) => health.noteFailing(change, isTooLong),
    onThrottle: (change) => health.noteThrottle(change),
    onCertificate: (endpoint, certificate, at) => health.noteCertificate(endpoint, certificate, at),
    onGone: (endpoint) => health.noteGone(endpoint),
    transport: options.transport,
    clock,
    random: options.random,
    signerOf: (endpoint) => signerOf(endpoint, options.keyring),
    logger,
    node: options.node,
    settler: () => settler,
    userAgent: `Posthorn/${options.version}`,
    tracing,
    transformer: options.transformer,
  });
  const intake = new Intake({
    store,
    sharing,
    clock,
    onHealth: (takes, error) => onHealth('events', takes, error),
    options: (now, groups) => dispatcher.acceptOptions(now, groups),
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
  const fanOut = new FanOut({
    store,
    clock,
    logger,
    options: (now) => dispatcher.fanOutOptions(now),
    fanned: (step, now) => dispatcher.takeFanned(step, now),
  });
  // What one node at a time does beside the delivery path falls to the owner of the first shard.
  let shards: readonly number[] = [];
  const mine = (): boolean => shards.includes(0);
  const redriver = new Redriver({ store, clock, logger, due: wake, mine });

  /** Whoever hears of it first, this call or the hint to all nodes: a new URL or a resume is a new beginning. */
  const takeEndpoint = (id: string, endpoint: Endpoint | null): void => {
    const former = dispatcher.endpoint(id);
    const moved = dispatcher.setEndpoint(id, endpoint);
    keySets.take(id, endpoint);
    const unlocked = sealWatch.take(id, endpoint);
    if (moved) void health.moved(id);
    else if (unlocked) void health.unlocked(id);
    else if (former?.enabled === false && endpoint?.enabled === true) void health.clearThrottle(id);
    if (former === undefined || endpoint === null) return;
    if (!moved && reachesOtherwise(former, endpoint, options.keyring)) void health.reached(id);
    const freed = freedBy(former, endpoint);
    if (freed !== null) void health.freed(id, freed);
  };
  const loadEndpoints = async (): Promise<void> => {
    const gone = new Set(dispatcher.endpointIds);
    for await (const endpoint of everyEndpoint(store)) {
      takeEndpoint(endpoint.id, endpoint);
      gone.delete(endpoint.id);
    }
    for (const id of gone) takeEndpoint(id, null);
    sealWatch.report();
  };
  const look = async (): Promise<void> => {
    await health.read();
    for (const { endpointId, dueAt } of await store.nextDue(shards)) dispatcher.dueBy(endpointId, dueAt);
    redriver.wake();
    // Those of a node that died, and those of a former run of this one.
    if (mine()) fanOut.wake();
  };
  const shared = options.hints !== undefined;
  const timekeeper: Timekeeper = new Timekeeper({
    store,
    clock,
    logger,
    shared,
    isCoordinator: mine,
    isAlone: () => shards.length === shardCount,
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

  let phase: 'new' | 'starting' | 'running' | 'stopped' = 'new';
  const goOn = (): void => {
    if (phase === 'stopped') throw new UnavailableError('stopped while it was starting');
  };
  const start = async (): Promise<void> => {
    await ownership.start();
    await timekeeper.start();
    goOn();
    const taken = await store.takeOver(options.node, clock.now());
    if (taken > 0)
      logger.info(
        { code: 'claims_recovered', deliveries: taken },
        'recovered claims of a previous run: these deliveries are due now',
      );
    await loadEndpoints();
    // What was broken or throttled in a previous run, or is by another node's word, begins slowly.
    await health.read();
    goOn();
    running = true;
    phase = 'running';
    dispatcher.begin();
    if (options.onStoreFault !== undefined)
      watch = watchStore({ store, clock, logger, onFault: options.onStoreFault });
    housekeeping = startHousekeeping({
      store,
      clock,
      logger,
      retention: options.retention ?? defaultRetention,
      shared,
      mine: () => mine() && timekeeper.isCurrent,
    });
    await look();
  };
  /** From here on nothing begins; what is accepted until intake is closed waits in the store. */
  const quiesce = (): Promise<void> => {
    running = false;
    return dispatcher.stop();
  };
  const stop = async (graceMs: number): Promise<StopReport> => {
    const begun = phase !== 'new';
    phase = 'stopped';
    housekeeping?.stop();
    watch?.stop();
    redriver.stop();
    const idle = quiesce();
    const left = begun ? ownership.stop() : null;
    const orderly = async (): Promise<void> => {
      await intake.close();
      await fanOut.stop();
      await timekeeper.stop();
      await idle;
      await Promise.all([settler.drained(), health.stop(), left]);
    };
    if (await within(clock, graceMs, orderly())) return { cut: 0, released: true, unsettled: 0 };
    const cut = dispatcher.inFlight;
    intake.abandon();
    const released = await within(clock, releaseMs, dispatcher.cut());
    const unsettled = settler.abandon();
    logger.warn(
      { code: 'stop_cut', attempts: cut, released, unsettled },
      'the grace time is over: attempts in flight are cut and will be made again',
    );
    return { cut, released, unsettled };
  };

  return {
    start: async () => {
      if (phase !== 'new') throw new Error('an engine starts once');
      phase = 'starting';
      try {
        await start();
      } catch (error) {
        // Nothing of it goes on by itself.
        await stop(0);
        throw error;
      }
    },
    quiesce: () => void quiesce(),
    stop,
    publish: (events, trace) => intake.publish(events, trace),
    wake: (endpointIds) => {
      wake(endpointIds);
      redriver.wake();
    },
    clearThrottles: async (endpointIds) => {
      for (const id of endpointIds) await health.clearThrottle(id);
    },
    endpointChanged: (id, endpoint) => {
      takeEndpoint(id, endpoint);
      sealWatch.report();
      if (endpoint?.enabled === true) dispatcher.dueBy(id, clock.now());
    },
    publicKeys: (set) => keySets.get(set),
    status: () => ({
      ready: running && refused.size === 0 && (watch?.fault ?? null) === null && watch?.answers !== false,
      storeFault: watch?.fault?.fault ?? null,
      inFlight: dispatcher.inFlight,
      buffered: dispatcher.buffered,
      lanes: dispatcher.lanes,
      throttled: dispatcher.throttled,
      shards,
      clock: timekeeper.status,
      locked: sealWatch.locked,
    }),
  };
}
