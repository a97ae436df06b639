import type { Opened } from './opened.ts';
import { defaults } from './config/defaults.ts';
import { dayMs } from './domain/time.ts';
import { createEngine } from './engine/engine.ts';
import type { Engine } from './engine/port.ts';
import { channelSender } from './engine/webhook.ts';
import type { NodeOptions } from './options.ts';
import { createStoreAlarm, type StoreAlarm } from './reliability/store-alarm.ts';
import { type NodeClock, nodeClock, systemClock } from './runtime/clock.ts';
import type { Logger } from './runtime/logger.ts';
import { systemRandom } from './runtime/random.ts';
import { createCatalog } from './service/catalog.ts';
import { ConfigWriter } from './service/config-writer.ts';
import { createKeyTable } from './service/key-table.ts';
import type { ServiceDependencies } from './service/dependencies.ts';
import { createSessionTable } from './service/session-table.ts';
import { createStreamHub } from './service/stream/hub.ts';
import { createTenantGate } from './service/tenant-gate.ts';
import { type StoreUse, watchUse } from './store/store-use.ts';
import { createAddressGuard } from './transport/address-guard.ts';
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

export function createParts({ store: opened, node, hints, keyring }: Opened, options: NodeOptions): Parts {
  const use = watchUse(opened);
  const { store } = use;
  const clock = nodeClock(options.clock ?? systemClock);
  const { logger = silent, metrics, tracing, random = systemRandom } = options;
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
  const validator = createSchemaValidator(clock, logger);
  const transformations = createTransformations(clock, logger);
  const catalog = createCatalog(store.read, validator);
  const tenantGate = createTenantGate(store.read, clock);
  const readDeclarations = async (): Promise<void> => {
    await Promise.all([catalog.refresh(), tenantGate.refresh()]);
  };
  const retention = {
    settledMs: (options.retentionDays ?? defaults.retentionDays) * dayMs,
    deadMs: (options.deadRetentionDays ?? defaults.deadRetentionDays) * dayMs,
    auditMs: (options.auditRetentionDays ?? defaults.auditRetentionDays) * dayMs,
  };
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
    onConfig: readDeclarations,
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
  const refuseHost = (hostname: string): string | null => {
    const refused = guard.refusesHost(hostname);
    return refused === null
      ? null
      : `is refused: ${refused.message}. Use --allow-networks to allow networks.`;
  };
  const listening: Parts['listening'] = { url: null, dashboardUrl: null };
  const services: ServiceDependencies = {
    store,
    config: new ConfigWriter(store),
    catalog,
    tenantGate,
    readDeclarations,
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
