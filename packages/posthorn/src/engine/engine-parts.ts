import type { StoreFaultError } from '../domain/errors.ts';
import type { NodeClock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Random } from '../runtime/random.ts';
import { Sharing } from '../runtime/sharing.ts';
import type { Keyring } from '../secrets/keyring.ts';
import type { Hints, Store } from '../store/store.ts';
import type { Transport } from '../transport/transport.ts';
import type { ClaimGate } from './claims.ts';
import { Dispatcher } from './dispatcher.ts';
import { EndpointHealth } from './endpoint-health.ts';
import { EndpointSync } from './endpoint-sync.ts';
import { FanOut } from './fan-out.ts';
import { HealthNotes } from './health-notes.ts';
import { type ClusterListener, Heartbeats } from './heartbeats.ts';
import { defaultRetention, Housekeeping, type Retention } from './housekeeping.ts';
import { Intake } from './intake.ts';
import { KeySets } from './key-sets.ts';
import { OwnedShards } from './owned-shards.ts';
import type { EngineObserver } from './port.ts';
import { Redriver } from './redriver.ts';
import { SealWatch } from './seal-watch.ts';
import { Settler } from './settler.ts';
import { StoreHealth } from './store-health.ts';
import { StoreWatch } from './store-watch.ts';
import { type ClockListener, Timekeeper } from './timekeeper.ts';
import type { Tracing } from './tracing.ts';
import type { Transformer } from './transformer.ts';

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

export interface EngineParts {
  readonly shards: OwnedShards;
  readonly storeHealth: StoreHealth;
  readonly storeWatch: StoreWatch | null;
  readonly timekeeper: Timekeeper;
  readonly heartbeats: Heartbeats;
  readonly settler: Settler;
  readonly dispatcher: Dispatcher;
  readonly notes: HealthNotes;
  readonly health: EndpointHealth;
  readonly fanOut: FanOut;
  readonly intake: Intake;
  readonly redriver: Redriver;
  readonly housekeeping: Housekeeping;
  readonly keySets: KeySets;
  readonly sealWatch: SealWatch;
  readonly endpoints: EndpointSync;
}

/** Puts the parts of an engine together, each after those that it calls; `listener` starts and stops them. */
export function createEngineParts(
  options: EngineOptions,
  listener: ClockListener & ClusterListener,
): EngineParts {
  const { store, clock, logger, node, keyring, observer, onStoreFault } = options;
  const base = { store, clock, logger };
  const writer = { ...base, store: store.write };
  const reader = { ...base, store: store.read };
  const shared = options.hints !== undefined;
  const shards = new OwnedShards();
  const storeHealth = new StoreHealth({ ...writer, observer });
  const timekeeper = new Timekeeper({ ...base, shared, shards, listener });
  const hints = options.hints ?? null;
  const path = createDeliveryPath(options, timekeeper, storeHealth);
  const { dispatcher, health } = path;
  const keySets = new KeySets();
  const sealWatch = new SealWatch(keyring, logger);
  const retention = options.retention ?? defaultRetention;
  return {
    ...path,
    shards,
    storeHealth,
    storeWatch: onStoreFault === undefined ? null : new StoreWatch({ ...reader, onFault: onStoreFault }),
    timekeeper,
    heartbeats: new Heartbeats({ ...writer, node, hints, shards, health: storeHealth, listener }),
    redriver: new Redriver({ ...base, role: shards, dispatcher }),
    housekeeping: new Housekeeping({ ...base, retention, shared, role: shards, timekeeper }),
    keySets,
    sealWatch,
    endpoints: new EndpointSync({ ...reader, keyring, dispatcher, health, keySets, sealWatch }),
  };
}

type DeliveryPathParts = Pick<
  EngineParts,
  'settler' | 'notes' | 'dispatcher' | 'health' | 'fanOut' | 'intake'
>;

/** The way of an event and of an outcome: intake, dispatcher, settler. */
function createDeliveryPath(
  options: EngineOptions,
  gate: ClaimGate,
  storeHealth: StoreHealth,
): DeliveryPathParts {
  const { store, clock, logger, node, keyring, observer, tracing, transformer } = options;
  const base = { store, clock, logger };
  const writer = { ...base, store: store.write };
  const sharing = new Sharing(clock);
  const settler = new Settler({ ...writer, sharing, health: storeHealth });
  const notes = new HealthNotes(writer);
  const dispatcher = new Dispatcher({
    ...writer,
    transport: options.transport,
    random: options.random,
    node,
    userAgent: `Posthorn/${options.version}`,
    keyring,
    sharing,
    tracing,
    transformer,
    gate,
    outcomes: settler,
    health: notes,
  });
  const health = new EndpointHealth({ ...base, notes, dispatcher });
  for (const listener of [observer, tracing, health, dispatcher])
    if (listener !== undefined) settler.subscribe(listener);
  const { admission } = dispatcher;
  const fanOut = new FanOut({ ...writer, admission });
  const intake = new Intake({
    ...writer,
    sharing,
    admission,
    fanOut,
    health: storeHealth,
    observer,
    tracing,
  });
  return { settler, notes, dispatcher, health, fanOut, intake };
}
