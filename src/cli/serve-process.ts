import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { createServer } from '../api/server.ts';
import type { Settings } from '../config/settings.ts';
import { createEngine } from '../engine/engine.ts';
import { startReconciler } from '../ledger/reconciler.ts';
import { type Clock, correctedClock, systemClock } from '../runtime/clock.ts';
import { createLogger } from '../runtime/logger.ts';
import { systemRandom } from '../runtime/random.ts';
import { openPostgresStore } from '../store/postgres/open.ts';
import type { Hints, Store } from '../store/store.ts';
import { openSqliteStore } from '../store/sqlite/open.ts';
import { checkHost } from '../transport/address-guard.ts';
import { createHttpTransport } from '../transport/http-transport.ts';
import { createMetrics } from './metrics.ts';
import { version } from './version.ts';

const graceMs = 20_000;
const dayMs = 86_400_000;
/** The embedded store has one owner, whose claims are its own in every life. */
const embeddedNode = 'local';

export interface Serving {
  readonly url: string;
  readonly node: string;
  /** Set where a key was made in this start: the only time it is seen. */
  readonly newKey: string | null;
  stop(): Promise<void>;
}

const hashOf = (key: string): string => createHash('sha256').update(key).digest('hex');

/** The admin key's hash: of the given key, else the stored one, else of a key made now. */
async function adminKey(
  store: Store,
  given: string | undefined,
): Promise<{ hash: string; made: string | null }> {
  if (given !== undefined) return { hash: hashOf(given), made: null };
  const stored = await store.setting('admin_key_hash');
  if (stored !== null) return { hash: stored, made: null };
  const made = `phk_${Buffer.from(systemRandom.bytes(32)).toString('base64url')}`;
  await store.saveSetting('admin_key_hash', hashOf(made));
  return { hash: hashOf(made), made };
}

interface Opened {
  readonly store: Store;
  readonly node: string;
  readonly hints?: Hints;
}

async function openStore(settings: Settings): Promise<Opened> {
  if (settings.databaseUrl === undefined)
    return { store: await openSqliteStore({ dataDir: settings.dataDir, thread: true }), node: embeddedNode };
  // A name of its own in every life: what a former life has claimed is taken over when it is found dead.
  const made = `${hostname()}-${process.pid}-${Buffer.from(systemRandom.bytes(3)).toString('hex')}`;
  return { ...(await openPostgresStore(settings.databaseUrl)), node: settings.nodeName ?? made };
}

/** Composes and starts one node, on the store that the settings name or on an open one. */
export async function startServing(
  settings: Settings,
  parts: { readonly store?: Store; readonly clock?: Clock } = {},
): Promise<Serving> {
  const clock = correctedClock(parts.clock ?? systemClock);
  const logger = createLogger(settings.logLevel);
  const { store, node, hints }: Opened =
    parts.store === undefined ? await openStore(settings) : { store: parts.store, node: embeddedNode };
  const { allowPrivateNetworks } = settings;
  const transport = createHttpTransport({ clock, allowPrivateNetworks });
  const metrics = createMetrics();
  const engine = createEngine({
    store,
    transport,
    clock,
    random: systemRandom,
    logger,
    node,
    version,
    setTime: (now) => clock.setTime(now),
    ...(hints === undefined ? {} : { hints }),
    observer: metrics.observer,
    retention: { settledMs: settings.retentionDays * dayMs, deadMs: settings.deadRetentionDays * dayMs },
  });
  metrics.watch(engine);
  const key = await adminKey(store, settings.apiKey);
  const server = createServer({
    store,
    engine,
    clock,
    random: systemRandom,
    logger,
    adminKeyHash: key.hash,
    version,
    metrics,
    refuseHost: (hostname) =>
      !allowPrivateNetworks && (hostname === 'localhost' || checkHost(hostname) !== null)
        ? 'is not a public address (start with --allow-private-networks to permit it)'
        : null,
  });
  const reconciler = startReconciler({
    store,
    clock,
    logger,
    everyMs: settings.reconcileEveryS * 1000,
    mine: () => engine.status().shards.includes(0),
    onResult: ({ residue }) => metrics.setResidue(residue),
  });
  const stop = async (): Promise<void> => {
    reconciler.stop();
    // Requests that are being read get their answer; then what is in flight gets its time.
    await server.close();
    await engine.stop(graceMs);
    await transport.close();
    await store.close();
  };
  try {
    await engine.start();
    const url = await server.listen({ host: settings.host, port: settings.port });
    return { url, node, newKey: key.made, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
