import { hash } from 'node:crypto';
import { hostname } from 'node:os';
import type { FastifyInstance } from 'fastify';
import { createCatalog } from './service/catalog.ts';
import type { ServiceDependencies } from './service/dependencies.ts';
import { createServices } from './service/services.ts';
import { ConfigWriter } from './service/config-writer.ts';
import { createPublisher } from './service/events.ts';
import { checkEvents, eventFromObject } from './service/new-event.ts';
import { createServer } from './http/server.ts';
import { followTemplates } from './service/template-follow.ts';
import type { Metrics } from './http/dependencies.ts';
import type { Receipt } from './domain/event.ts';
import { UnavailableError } from './domain/errors.ts';
import type { Engine, EngineObserver, StopReport } from './engine/port.ts';
import { createEngine } from './engine/engine.ts';
import { channelSender } from './engine/webhook.ts';
import type { Tracing } from './engine/tracing.ts';
import { type Reconciliation, startReconciler } from './ledger/reconciler.ts';
import { type Evaluator, type OnProgress, startEvaluator } from './reliability/evaluator.ts';
import { createStoreAlarm } from './reliability/store-alarm.ts';
import { createWatchdog } from './reliability/watchdog.ts';
import { type Clock, nodeClock, systemClock } from './runtime/clock.ts';
import type { Logger } from './runtime/logger.ts';
import { systemRandom } from './runtime/random.ts';
import { within } from './runtime/within.ts';
import { openPostgresStore, type PostgresPool } from './store/postgres/open.ts';
import type { Hints, Store } from './store/store.ts';
import { watchUse } from './store/store-use.ts';
import { openSqliteStore } from './store/sqlite/open.ts';
import { createAddressGuard } from './transport/address-guard.ts';
import { lookupFunction, systemNames } from './transport/name-lookup.ts';
import { createHttpTransport } from './transport/http-transport.ts';
import { bySchemeTransport, createMailTransport, mailFault } from './transport/mail-transport.ts';
import { createSchemaValidator } from './validation/validator.ts';
import type { ProxyVariables } from './transport/proxy.ts';
import { version } from './version.ts';
import { dayMs } from './domain/time.ts';

const defaultStopGraceS = 20;
/** Of the grace time, for what comes after the attempts in flight: giving claims back, and closing. */
const closingMs = 4000;
/** Requests that are being read or answered get so long of it. */
const answeringMs = 5000;
/** The embedded store has one owner, whose claims are its own in every life. */
const embeddedNode = 'local';
const silent: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

export interface PosthornOptions {
  /** `postgres://…`, a pool of the application's own, or the directory of the embedded store. */
  readonly database: string | PostgresPool;
  /** Unique among the nodes that share a database; made up where it is not given. */
  readonly nodeName?: string;
  /** Deliver to private and local addresses too, cloud metadata excepted. Default false. */
  readonly allowPrivateNetworks?: boolean;
  /** Networks (CIDR or single addresses) to deliver to although they are not public; a metadata address only if named alone. */
  readonly allowNetworks?: readonly string[];
  /** Networks (CIDR or single addresses) never to connect to; they win over everything that opens. */
  readonly denyNetworks?: readonly string[];
  /**
   * Proxy that webhooks go through: `http://user:password@host:port`, or one for each scheme and the hosts to connect to
   * directly. Default: connections are direct, whatever the environment's variables say. Email does not use it.
   */
  readonly proxy?: string | ProxyVariables;
  /** Of the keys that open the HTTP API, SHA-256 in hexadecimal. Needed only with `listen`. */
  readonly adminKeyHashes?: readonly string[];
  /** SHA-256 (hex) of the key that opens `/metrics`, beside the admin keys. Default: `/metrics` takes no key. */
  readonly metricsKeyHash?: string;
  /** How long finished deliveries are kept (default 30 days), and dead letters (default 90). */
  readonly retentionDays?: number;
  /** A stop ends within so long, in seconds, whatever is in flight (default 20). */
  readonly stopGraceS?: number;
  readonly deadRetentionDays?: number;
  /** How often the books are checked, in seconds (default 60). */
  readonly reconcileEveryS?: number;
  /** Default: silent. */
  readonly logger?: Logger;
  readonly clock?: Clock;
  readonly metrics?: Metrics & { readonly observer: EngineObserver; watch(engine: Engine): void };
  /** Spans of accepting, attempts and settling: see `openTelemetryTracing` in `posthorn/opentelemetry`. */
  readonly tracing?: Tracing;
  readonly onReconciled?: (result: Reconciliation) => void;
  /** How often alert rules are judged, in seconds (default 15). */
  readonly evaluateEveryS?: number;
  /** A service outside that raises the alarm where it stops hearing from here. */
  readonly watchdogUrl?: string;
  /** How many alerts fire now. */
  readonly onEvaluated?: (firing: { readonly page: number; readonly ticket: number }) => void;
  /** What came past its deadline, by objective, since the last time. */
  readonly onProgress?: OnProgress;
}

/** An event as `POST /v1/events` takes it. */
export interface PublishEvent {
  readonly type: string;
  readonly data: unknown;
  readonly tenant?: string;
  readonly id?: string;
  readonly ordering_key?: string;
  readonly occurred_at?: string;
  readonly value?: { readonly amount_minor: number; readonly currency: string };
}

/** What `use` needs of a client: that of `pg`, or what an ORM gives for its transaction. */
export interface SqlClient {
  query(text: string, values: unknown[]): Promise<{ rows: unknown[] }>;
}

export interface Posthorn {
  readonly node: string;
  /** Begins to deliver. Publishing works before: what is accepted waits in the store. */
  start(): Promise<void>;
  /**
   * Lets attempts in flight finish, gives all claims back and closes, within `stopGraceS` whatever is in flight. Attempts
   * that it cuts are made again, and cost their deliveries nothing. A second call waits for the first.
   */
  stop(): Promise<StopResult>;
  /** Durable when it resolves (G1), all or none. Rejects with `PosthornError`, `EventConflictError` or `UnavailableError`. */
  publish(event: PublishEvent): Promise<Receipt>;
  publish(events: readonly PublishEvent[]): Promise<Receipt[]>;
  /** Publishes inside the caller's own transaction: commits with it, or not at all. PostgreSQL only. */
  use(client: SqlClient): { publish(event: PublishEvent): Promise<Receipt> };
  /** A call of the HTTP API without HTTP: `request('POST', '/v1/endpoints', {…})`. */
  request(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: unknown,
  ): Promise<{ status: number; body: unknown }>;
  /** Serves the HTTP API; answers its URL. */
  listen(address: { host: string; port: number }): Promise<string>;
}

export interface StopResult extends StopReport {
  /** Whether the store was closed while nobody used it. */
  readonly closed: boolean;
}

export interface Opened {
  readonly store: Store;
  readonly node: string;
  readonly hints?: Hints;
}

/** Opens the store that `database` names. */
export async function open({ database, nodeName }: PosthornOptions): Promise<Opened> {
  if (typeof database === 'string' && !/^postgres(ql)?:\/\//.test(database))
    return { store: await openSqliteStore({ dataDir: database, thread: true }), node: embeddedNode };
  // A name of its own in every life: what a former life has claimed is taken over when it is found dead.
  const made = `${hostname()}-${process.pid}-${Buffer.from(systemRandom.bytes(3)).toString('hex')}`;
  return { ...(await openPostgresStore(database)), node: nodeName ?? made };
}

/** Opens the store and puts one node together: in an application of one's own, or for `posthorn serve`. */
export async function createPosthorn(options: PosthornOptions): Promise<Posthorn> {
  return compose(await open(options), options);
}

/** The same on a store that is open already. */
export function compose({ store: opened, node, hints }: Opened, options: PosthornOptions): Posthorn {
  const { store, end: endUse } = watchUse(opened);
  const clock = nodeClock(options.clock ?? systemClock);
  const { logger = silent, metrics } = options;
  const guard = createAddressGuard(options);
  const names = systemNames(clock);
  const transport = bySchemeTransport(
    createHttpTransport({ clock, random: systemRandom, guard, names, proxy: options.proxy }),
    createMailTransport({ clock, guard, lookup: lookupFunction(names, 'posthorn') }),
  );
  const validator = createSchemaValidator(clock, logger);
  const catalog = createCatalog(store, validator);
  const engine = createEngine({
    store,
    transport,
    clock,
    random: systemRandom,
    logger,
    node,
    version,
    onConfig: () => catalog.refresh(),
    onStoreFault: (fault) => alarm.changed(fault),
    ...(hints === undefined ? {} : { hints }),
    ...(metrics === undefined ? {} : { observer: metrics.observer }),
    ...(options.tracing === undefined ? {} : { tracing: options.tracing }),
    retention: {
      settledMs: (options.retentionDays ?? 30) * dayMs,
      deadMs: (options.deadRetentionDays ?? 90) * dayMs,
    },
  });
  metrics?.watch(engine);
  const alarm = createStoreAlarm({
    store,
    clock,
    logger,
    node,
    send: channelSender(transport, clock, `Posthorn/${version}`),
  });
  // A key that nobody knows lets `request` in, and nothing else.
  const ownKey = `phk_${Buffer.from(systemRandom.bytes(32)).toString('hex')}`;
  const config = new ConfigWriter(store);
  const refuseHost = (hostname: string): string | null => {
    const refused = guard.refusesHost(hostname);
    return refused === null ? null : `is refused: ${refused.message}. --allow-networks opens networks.`;
  };
  const deps: ServiceDependencies = {
    store,
    config,
    catalog,
    engine,
    clock,
    random: systemRandom,
    version,
    renderMetrics: async () => (await metrics?.render()) ?? '',
    unstoredAlerts: () => [alarm.alert()].filter((alert) => alert !== null),
    refuseHost,
    refuseMailServer: (hostname) => mailFault() ?? refuseHost(hostname),
  };
  const server: FastifyInstance = createServer(
    {
      ...deps,
      logger,
      adminKeyHashes: [...(options.adminKeyHashes ?? []), hash('sha256', ownKey)],
      metricsKeyHash: options.metricsKeyHash ?? null,
      authenticationFailed: metrics?.authenticationFailed,
    },
    createServices(deps),
  );
  const publisher = createPublisher(deps);
  let reconciler: { stop(): void } | null = null;
  let evaluator: Evaluator | null = null;
  const { watchdogUrl: url } = options;
  const watchdog =
    url === undefined
      ? null
      : createWatchdog({ url, transport, clock, logger, userAgent: `Posthorn/${version}` });
  let started = false;
  let stopping: Promise<StopResult> | null = null;

  const start = async (): Promise<void> => {
    await engine.start();
    const following = await followTemplates({ store, engine, config, clock });
    if (following > 0)
      logger.info({ endpoints: following }, 'endpoints follow a newer version of their template');
    // A stop that was asked for meanwhile has ended what had begun.
    if (stopping !== null) throw new UnavailableError('stopped while it was starting');
    started = true;
    reconciler = startReconciler({
      store,
      clock,
      logger,
      everyMs: (options.reconcileEveryS ?? 60) * 1000,
      mine: () => engine.status().shards.includes(0),
      onResult: (result) => {
        options.onReconciled?.(result);
        evaluator?.reconciled({
          balanced: result.balanced,
          residue: result.residue,
          endpointIds: result.rows
            .filter((row) => row.residue !== 0 || row.mismatches.length > 0)
            .map(({ endpointId }) => endpointId),
          findings: result.findings,
        });
      },
    });
    evaluator = startEvaluator({
      store,
      clock,
      random: systemRandom,
      logger,
      everyMs: (options.evaluateEveryS ?? 15) * 1000,
      reconcileEveryMs: (options.reconcileEveryS ?? 60) * 1000,
      deadRetentionMs: (options.deadRetentionDays ?? 90) * dayMs,
      clockStatus: () => engine.status().clock,
      mine: () => engine.status().shards.includes(0),
      wake: (endpointIds) => engine.wake(endpointIds),
      ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
      onEvaluated: (firing) => {
        options.onEvaluated?.(firing);
        // A store that cannot be read leaves the channels as they were.
        void alarm.refresh().catch(() => {});
        watchdog?.beat();
      },
    });
  };
  const stopAll = async (): Promise<StopResult> => {
    const graceMs = (options.stopGraceS ?? defaultStopGraceS) * 1000;
    const endsAt = clock.monotonic() + graceMs;
    const left = (reserveMs = 0): number => Math.max(0, endsAt - reserveMs - clock.monotonic());
    const reserveMs = Math.min(closingMs, graceMs / 2);
    reconciler?.stop();
    evaluator?.stop();
    alarm.stop();
    engine.quiesce();
    // Requests that are being read get their answer; who sends or reads too slowly for that is cut off.
    const answered = await within(clock, Math.min(answeringMs, graceMs / 4), server.close());
    if (!answered) server.server.closeAllConnections();
    validator.close();
    const report = await engine.stop(left(reserveMs));
    await within(clock, left(reserveMs / 4), transport.close());
    names.close();
    const isUnused = await within(clock, left(reserveMs / 8), endUse());
    const closed = (await within(clock, Math.max(500, left()), opened.close())) && isUnused;
    if (!closed) logger.error({ code: 'store_not_closed' }, 'the store did not close within the grace time');
    return { ...report, closed };
  };
  const stop = (): Promise<StopResult> => (stopping ??= stopAll());

  const publishAll = async (events: readonly PublishEvent[]): Promise<readonly Receipt[]> => {
    // Event types are read when the server is made ready.
    await server.ready();
    // Before the start nothing here takes a delivery: the dispatcher has no room yet, and all of them wait in the store.
    return await publisher.publish(events.map((event, index) => eventFromObject(event, `/events/${index}`)));
  };
  async function publish(event: PublishEvent): Promise<Receipt>;
  async function publish(events: readonly PublishEvent[]): Promise<Receipt[]>;
  async function publish(given: PublishEvent | readonly PublishEvent[]): Promise<Receipt | Receipt[]> {
    if ('type' in given) return (await publishAll([given]))[0]!;
    return [...(await publishAll(given))];
  }

  return {
    node,
    publish,
    start: async () => {
      if (started || stopping !== null) throw new Error('it is started once, and not after a stop');
      try {
        await start();
      } catch (error) {
        // Nothing of it goes on by itself, and its data directory is free again.
        await stop();
        throw error;
      }
    },
    stop,
    use: (client) => ({
      publish: async (event) => {
        const input = eventFromObject(event, '');
        const { tenant, type, id, ordering_key: key, occurred_at: at, value } = input.event;
        await server.ready();
        const [extracted] = await checkEvents(catalog, [input]);
        const { rows } = await client.query(
          `SELECT posthorn.publish($1, $2, $3::json, $4, $5, $6::timestamptz, $7, $8) AS receipt`,
          [
            tenant,
            type,
            input.dataText,
            id ?? null,
            key ?? null,
            at ?? null,
            value?.amount_minor ?? extracted?.amountMinor.toString() ?? null,
            value?.currency ?? extracted?.currency ?? null,
          ],
        );
        const { accepted_at: acceptedAt, ...receipt } = (
          rows[0] as { receipt: Receipt & { accepted_at: number } }
        ).receipt;
        return { ...receipt, acceptedAt };
      },
    }),
    request: async (method, path, body) => {
      const response = await server.inject({
        method,
        url: path,
        headers: {
          authorization: `Bearer ${ownKey}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
      });
      return {
        status: response.statusCode,
        body: response.body === '' ? null : (JSON.parse(response.body) as unknown),
      };
    },
    // `localhost` may name two addresses: whoever asks for it finds this one.
    listen: ({ host, port }) => server.listen({ host: host === 'localhost' ? '127.0.0.1' : host, port }),
  };
}
