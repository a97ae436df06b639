import type { Opened } from './opened.ts';
import { defaults } from './config/defaults.ts';
import { dayMs } from './domain/time.ts';
import { createEngine } from './engine/engine.ts';
import type { Engine } from './engine/port.ts';
import type { Retention } from './engine/housekeeping.ts';
import { channelSender } from './engine/webhook.ts';
import type { NodeOptions } from './options.ts';
import { createStoreAlarm, type StoreAlarm } from './reliability/store-alarm.ts';
import { type NodeClock, nodeClock, systemClock } from './runtime/clock.ts';
import type { Logger } from './runtime/logger.ts';
import { type Random, systemRandom } from './runtime/random.ts';
import { createCatalog } from './service/catalog.ts';
import { ConfigWriter } from './service/config-writer.ts';
import { createKeyTable } from './service/key-table.ts';
import type { ServiceDependencies } from './service/dependencies.ts';
import { createSessionTable } from './service/session-table.ts';
import { createStreamHub } from './service/stream/hub.ts';
import { createTenantGate } from './service/tenant-gate.ts';
import type { StoreRead } from './store/store.ts';
import { type StoreUse, watchUse } from './store/store-use.ts';
import { type AddressGuard, createAddressGuard } from './transport/address-guard.ts';
import { createHttpTransport } from './transport/http-transport.ts';
import { bySchemeTransport, createMailTransport, mailFault } from './transport/mail-transport.ts';
import { lookupFunction, systemNames } from './transport/name-lookup.ts';
import type { Transport } from './transport/transport.ts';
import { createTransformations, type Transformations } from './transformation/transformer.ts';
import { createSchemaValidator, type SchemaValidator } from './validation/validator.ts';
import { version } from './version.ts';

const silent: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** The parts of one node, not started. */
export interface Parts {
  readonly clock: NodeClock;
  readonly logger: Logger;
  readonly use: StoreUse;
  readonly transport: Transport;
  readonly names: { close(): void };
  readonly validator: SchemaValidator;
  readonly transformations: Transformations;
  readonly engine: Engine;
  readonly alarm: StoreAlarm;
  readonly services: ServiceDependencies;
  /** Where the API listens; null: nowhere yet. */
  readonly listening: { url: string | null; dashboardUrl: string | null };
}

/** What connects to receivers, and the guard of the addresses that it may connect to. */
function createNetwork(
  options: NodeOptions,
  clock: NodeClock,
  random: Random,
): Pick<Parts, 'transport'> & {
  readonly guard: AddressGuard;
  readonly names: ReturnType<typeof systemNames>;
} {
  const guard = createAddressGuard(options);
  const names = systemNames(clock);
  const network = bySchemeTransport(
    createHttpTransport({
      clock,
      random,
      guard,
      names,
      proxy: options.proxy,
      userAgent: `Posthorn/${version}`,
    }),
    createMailTransport({ clock, guard, lookup: lookupFunction(names, 'posthorn') }),
  );
  const transport = options.transport?.(network) ?? network;
  return { guard, names, transport };
}

function retentionFrom({ retentionDays, deadRetentionDays, auditRetentionDays }: NodeOptions): Retention {
  return {
    settledMs: (retentionDays ?? defaults.retentionDays) * dayMs,
    deadMs: (deadRetentionDays ?? defaults.deadRetentionDays) * dayMs,
    auditMs: (auditRetentionDays ?? defaults.auditRetentionDays) * dayMs,
  };
}

/** What is declared, in memory. */
function createDeclarations(
  read: StoreRead,
  validator: SchemaValidator,
  clock: NodeClock,
): Pick<ServiceDependencies, 'catalog' | 'tenantGate' | 'readDeclarations'> {
  const catalog = createCatalog(read, validator);
  const tenantGate = createTenantGate(read, clock);
  return {
    catalog,
    tenantGate,
    readDeclarations: async () => {
      await Promise.all([catalog.refresh(), tenantGate.refresh()]);
    },
  };
}

/** Why the guard refuses a host, in an answer's words; null: it does not. */
const hostRefusal =
  (guard: AddressGuard): ServiceDependencies['refuseHost'] =>
  (hostname) => {
    const refused = guard.refusesHost(hostname);
    return refused === null
      ? null
      : `is refused: ${refused.message}. Use --allow-networks to allow networks.`;
  };

export function createParts({ store: opened, node, hints, keyring }: Opened, options: NodeOptions): Parts {
  const use = watchUse(opened);
  const { store } = use;
  const clock = nodeClock(options.clock ?? systemClock);
  const { logger = silent, metrics, tracing, random = systemRandom } = options;
  const { guard, names, transport } = createNetwork(options, clock, random);
  const validator = createSchemaValidator(clock, logger);
  const transformations = createTransformations(clock, logger);
  const declarations = createDeclarations(store.read, validator, clock);
  const retention = retentionFrom(options);
  const engine = createEngine({
    store,
    transport,
    transformer: transformations,
    clock,
    random,
    keyring,
    logger,
    node,
    version,
    onConfig: declarations.readDeclarations,
    onStoreFault: (fault) => alarm.changed(fault),
    ...(hints === undefined ? {} : { hints }),
    ...(metrics === undefined ? {} : { observer: metrics.observer }),
    ...(tracing === undefined ? {} : { tracing }),
    retention,
  });
  metrics?.watch(engine);
  const send = channelSender(transport, clock, keyring, `Posthorn/${version}`);
  const publicOrigin = options.publicUrl === undefined ? null : new URL(options.publicUrl).origin;
  const alarm = createStoreAlarm({ store: store.read, clock, logger, node, publicUrl: publicOrigin, send });
  const refuseHost = hostRefusal(guard);
  const listening: Parts['listening'] = { url: null, dashboardUrl: null };
  const services: ServiceDependencies = {
    store,
    config: new ConfigWriter(store),
    ...declarations,
    engine,
    transformations,
    clock,
    random,
    keyring,
    keyTable: createKeyTable(store, clock),
    sessionTable: createSessionTable(store, clock),
    streams: createStreamHub(clock, systemRandom),
    publicOrigin,
    publicUrl: () => publicOrigin ?? listening.dashboardUrl ?? listening.url,
    version,
    retention,
    renderMetrics: async () => (await metrics?.render()) ?? '',
    unstoredAlerts: () => [alarm.alert()].filter((alert) => alert !== null),
    refuseHost,
    refuseMailServer: (hostname) => mailFault() ?? refuseHost(hostname),
  };
  return {
    clock,
    logger,
    use,
    transport,
    names,
    validator,
    transformations,
    engine,
    alarm,
    services,
    listening,
  };
}
