import { hostname } from 'node:os';
import type { Api, NewEvent, Receipt } from '@posthorn/client/types';
import { defaults } from './config/defaults.ts';
import { PosthornError, UnavailableError } from './domain/errors.ts';
import { secondMs } from './domain/time.ts';
import type { StopReport } from './engine/port.ts';
import { startJobs } from './jobs.ts';
import { createListener, type Listener } from './library/listener.ts';
import { createLocalApi } from './library/local-api.ts';
import { publishInTransaction, type SqlClient } from './library/transaction.ts';
import type { NodeOptions, PosthornOptions } from './options.ts';
import { createParts, type Parts } from './parts.ts';
import type { Opened } from './opened.ts';
import { systemRandom } from './runtime/random.ts';
import { within } from './runtime/within.ts';
import { keyringIn, keyringFrom, type OpenedKeyring } from './secrets/open-keyring.ts';
import { createServices } from './service/services.ts';
import { sealStored } from './service/seal-stored.ts';
import { followTemplates } from './service/template-follow.ts';
import { markVersion } from './service/version-marker.ts';
import { openPostgresStore } from './store/postgres/open.ts';
import { openSqliteStore } from './store/sqlite/open.ts';
import type { Store } from './store/store.ts';

/** Part of the grace time for what follows the attempts in flight: releasing claims, and closing. */
const closingMs = 4000;
/** Part of the grace time for requests in progress. */
const answeringMs = 5000;
/** The embedded store has one owner, whose claims remain its own in every run. */
const embeddedNode = 'local';

/** A node inside an application: every API call as a method that runs here without HTTP. */
export interface Posthorn extends Api<never> {
  readonly node: string;
  /** Starts delivering. Publishing works before: accepted events wait in the store. */
  start(): Promise<void>;
  /**
   * Lets attempts in flight finish, releases all claims and closes, within `stopGraceS` whatever is in flight.
   * Interrupted attempts are made again, and cost their deliveries nothing. A second call waits for the first.
   */
  stop(): Promise<StopResult>;
  /** Short for `events.publish`. Durable when it resolves (G1). */
  publish(event: NewEvent): Promise<Receipt>;
  /** Short for `events.publishBatch`: all or none, at most 1,000. */
  publish(events: readonly NewEvent[]): Promise<readonly Receipt[]>;
  /** Publishes inside the caller's own transaction: commits with it, or not at all. PostgreSQL only. */
  use(client: SqlClient): { publish(event: NewEvent): Promise<Receipt> };
  /** Serves the HTTP API; resolves with its URL. */
  listen(address: { readonly host: string; readonly port: number }): Promise<string>;
}

export interface StopResult extends StopReport {
  /** Whether the store was closed while unused. */
  readonly closed: boolean;
}

/** Opens the store that `database` names, and the keyring of its secrets, which also seals the audit log. */
export async function open(options: PosthornOptions): Promise<Opened & OpenedKeyring> {
  const { database, nodeName } = options;
  if (typeof database === 'string' && !/^postgres(ql)?:\/\//.test(database)) {
    const store = await openSqliteStore({ dataDir: database, thread: true });
    try {
      const keyring = keyringIn(database, options, systemRandom);
      await sealAuditLog(store, keyring);
      return { store, node: embeddedNode, ...keyring };
    } catch (error) {
      await store.close();
      throw error;
    }
  }
  const keyring = keyringFrom(options, systemRandom);
  const opened = await openPostgresStore(database);
  try {
    await sealAuditLog(opened.store, keyring);
    return { ...opened, node: await opened.hints.takeName(nodeName, hostname()), ...keyring };
  } catch (error) {
    await opened.store.close();
    throw error;
  }
}

async function sealAuditLog(store: Store, { keyring }: OpenedKeyring): Promise<void> {
  const [newest] = keyring.auditKeys;
  // Also if secrets are stored in clear by now: an operator who has a key expects what follows to be sealed.
  if (newest !== undefined) await store.write.sealAuditLog(newest);
}

/**
 * Opens the store and creates one node inside an application. Rejects with `StoreOpenError` if the store cannot be used
 * as it is, and with `PosthornError` (`unavailable`) if it cannot be reached.
 */
export async function createPosthorn(options: PosthornOptions): Promise<Posthorn> {
  const opened = await open(options).catch(refuse);
  const posthorn = compose(opened, options);
  if (opened.madeKeyFile !== null)
    options.logger?.warn(
      { code: 'key_file_made', file: opened.madeKeyFile },
      'created a key file that encrypts secrets: back it up, apart from the data',
    );
  return { ...posthorn, start: () => posthorn.start().catch(refuse) };
}

/** The error for an application if the store cannot be reached. */
function refuse(error: unknown): never {
  throw error instanceof UnavailableError ? new PosthornError('unavailable', error.message) : error;
}

/** The same on a store that is already open. */
export function compose(opened: Opened, options: NodeOptions): Posthorn {
  const parts = createParts(opened, options);
  if (opened.failoverRisk !== undefined)
    options.logger?.warn({ code: 'failover_loses_events' }, opened.failoverRisk);
  const { catalog, readDeclarations } = parts.services;
  const handlers = createServices(parts.services);
  const listener = createListener(parts, handlers, options);
  let stopJobs = (): void => {};
  let started = false;
  let stopping: Promise<StopResult> | null = null;
  let isReady = false;

  /** Nothing is accepted until the declarations have been read. */
  const prepare = async (): Promise<void> => {
    await readDeclarations();
    isReady = true;
  };
  const ready = (): Promise<void> | null => {
    if (stopping !== null) throw new PosthornError('unavailable', 'This node is stopped. Create a new one.');
    return isReady ? null : prepare();
  };
  const stop = (): Promise<StopResult> =>
    (stopping ??= stopNode(parts, opened, listener, () => stopJobs(), options));
  const start = async (): Promise<void> => {
    await startEngine(parts);
    // A stop that was requested meanwhile has ended what had begun.
    if (stopping !== null) throw new UnavailableError('stopped while starting');
    started = true;
    stopJobs = startJobs(parts, options);
  };
  const api = createLocalApi(handlers, ready);

  // Nothing delivers before the start: the capacity of the dispatcher is zero, and all deliveries wait in the store.
  function publish(event: NewEvent): Promise<Receipt>;
  function publish(events: readonly NewEvent[]): Promise<readonly Receipt[]>;
  function publish(given: NewEvent | readonly NewEvent[]): Promise<Receipt | readonly Receipt[]> {
    return isList(given)
      ? api.events.publishBatch({ events: given }).then(({ accepted }) => accepted)
      : api.events.publish(given);
  }

  return {
    ...api,
    node: opened.node,
    publish,
    start: async () => {
      if (started || stopping !== null)
        throw new Error('start() may be called only once, and not after stop()');
      try {
        await start();
      } catch (error) {
        // No part of it continues by itself, and its data directory is free again.
        await stop();
        throw error;
      }
    },
    stop,
    use: (client) => ({
      publish: async (event) => {
        await ready();
        return await publishInTransaction(client, catalog, event);
      },
    }),
    listen: listener.listen,
  };
}

/** Starts delivering, by the stored configuration as this version understands it. */
async function startEngine({ engine, services, logger }: Parts): Promise<void> {
  await sealStored(services, logger);
  await engine.start();
  await markVersion(services);
  const following = await followTemplates(services);
  if (following > 0)
    logger.info(
      { code: 'templates_followed', endpoints: following },
      'endpoints follow a newer version of their template',
    );
}

const isList = (given: NewEvent | readonly NewEvent[]): given is readonly NewEvent[] => Array.isArray(given);

async function stopNode(
  { clock, logger, use, transport, names, validator, transformations, engine, alarm, services }: Parts,
  { store: opened }: Opened,
  listener: Listener,
  stopJobs: () => void,
  { stopGraceS = defaults.stopGraceS }: NodeOptions,
): Promise<StopResult> {
  const graceMs = stopGraceS * secondMs;
  const endsAt = clock.monotonic() + graceMs;
  const left = (reserveMs = 0): number => Math.max(0, endsAt - reserveMs - clock.monotonic());
  const reserveMs = Math.min(closingMs, graceMs / 2);
  stopJobs();
  alarm.stop();
  engine.quiesce();
  // They would go on forever, and reconnecting costs their clients nothing.
  services.streams.close();
  // Requests in progress are answered; clients that send or read too slowly are disconnected.
  const answered = await within(clock, Math.min(answeringMs, graceMs / 4), listener.close());
  if (!answered) listener.cut();
  validator.close();
  transformations.close();
  const report = await engine.stop(left(reserveMs));
  await within(clock, left(reserveMs / 4), transport.close());
  names.close();
  const isUnused = await within(clock, left(reserveMs / 8), use.end());
  const closed = (await within(clock, Math.max(500, left()), opened.close())) && isUnused;
  if (!closed) logger.error({ code: 'store_not_closed' }, 'the store did not close within the grace time');
  return { ...report, closed };
}
