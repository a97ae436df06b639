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
import { keyringIn, keyringOf, type OpenedKeyring } from './secrets/open-keyring.ts';
import { createServices } from './service/services.ts';
import { sealStored } from './service/seal-stored.ts';
import { followTemplates } from './service/template-follow.ts';
import { markVersion } from './service/version-marker.ts';
import { openPostgresStore } from './store/postgres/open.ts';
import { openSqliteStore } from './store/sqlite/open.ts';
import type { Store } from './store/store.ts';

/** Of the grace time, for what comes after the attempts in flight: giving claims back, and closing. */
const closingMs = 4000;
/** Requests that are being read or answered get so long of it. */
const answeringMs = 5000;
/** The embedded store has one owner, whose claims are its own in every run. */
const embeddedNode = 'local';

/** A node inside an application: every call of the API as a method, which runs here without HTTP. */
export interface Posthorn extends Api<never> {
  readonly node: string;
  /** Begins to deliver. Publishing works before: what is accepted waits in the store. */
  start(): Promise<void>;
  /**
   * Lets attempts in flight finish, gives all claims back and closes, within `stopGraceS` whatever is in flight. Attempts
   * that it cuts are made again, and cost their deliveries nothing. A second call waits for the first.
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
  /** Whether the store was closed while nobody used it. */
  readonly closed: boolean;
}

/** Opens the store that `database` names, and the keyring of its secrets, which seals the audit log too. */
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
  const keyring = keyringOf(options, systemRandom);
  // A name of its own in every run: what a former run has claimed is taken over when it is found dead.
  const made = `${hostname()}-${process.pid}-${Buffer.from(systemRandom.bytes(3)).toString('hex')}`;
  const opened = await openPostgresStore(database);
  await sealAuditLog(opened.store, keyring);
  return { ...opened, node: nodeName ?? made, ...keyring };
}

async function sealAuditLog(store: Store, { keyring }: OpenedKeyring): Promise<void> {
  const [newest] = keyring.auditKeys;
  // Also where secrets are stored in clear by now: whoever has a key expects what follows to be sealed.
  if (newest !== undefined) await store.sealAuditLog(newest);
}

/**
 * Opens the store and puts one node together inside an application. Rejects with `StoreOpenError` if the store cannot be used as
 * it is, and with `PosthornError` (`unavailable`) if it cannot be reached.
 */
export async function createPosthorn(options: PosthornOptions): Promise<Posthorn> {
  const opened = await open(options).catch(refuse);
  const posthorn = compose(opened, options);
  if (opened.madeKeyFile !== null)
    options.logger?.warn(
      { code: 'key_file_made', file: opened.madeKeyFile },
      'made a key file that encrypts secrets: back it up, apart from the data',
    );
  return { ...posthorn, start: () => posthorn.start().catch(refuse) };
}

/** What an application gets if the store cannot be reached. */
function refuse(error: unknown): never {
  throw error instanceof UnavailableError ? new PosthornError('unavailable', error.message) : error;
}

/** The same on a store that is open already. */
export function compose(opened: Opened, options: NodeOptions): Posthorn {
  const parts = createParts(opened, options);
  const { catalog, readDeclarations } = parts.services;
  const handlers = createServices(parts.services);
  const listener = createListener(parts, handlers, options);
  let stopJobs = (): void => {};
  let started = false;
  let stopping: Promise<StopResult> | null = null;
  let isReady = false;

  /** Nothing is accepted by declarations that were not read. */
  const prepare = async (): Promise<void> => {
    await readDeclarations();
    isReady = true;
  };
  const ready = (): Promise<void> | null => {
    if (stopping !== null)
      throw new PosthornError('unavailable', 'This node was stopped: create another one.');
    return isReady ? null : prepare();
  };
  const stop = (): Promise<StopResult> =>
    (stopping ??= stopNode(parts, opened, listener, () => stopJobs(), options));
  const start = async (): Promise<void> => {
    const { engine, logger } = parts;
    await sealStored(parts.services, logger);
    await engine.start();
    await markVersion(parts.services);
    const following = await followTemplates(parts.services);
    if (following > 0)
      logger.info(
        { code: 'templates_followed', endpoints: following },
        'endpoints follow a newer version of their template',
      );
    // A stop that was asked for meanwhile has ended what had begun.
    if (stopping !== null) throw new UnavailableError('stopped while it was starting');
    started = true;
    stopJobs = startJobs(parts, options);
  };
  const api = createLocalApi(handlers, ready);

  // Before the start nothing here takes a delivery: the dispatcher has no room yet, and all of them wait in the store.
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
        await ready();
        return await publishInTransaction(client, catalog, event);
      },
    }),
    listen: listener.listen,
  };
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
  // They would go on for ever, and nobody has anything to lose by connecting again.
  services.streams.close();
  // Requests that are being read get their answer; who sends or reads too slowly for that is cut off.
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
