import { createHash } from 'node:crypto';
import { createServer } from '../api/server.ts';
import type { Settings } from '../config/settings.ts';
import { createEngine } from '../engine/engine.ts';
import { startReconciler } from '../ledger/reconciler.ts';
import { systemClock } from '../runtime/clock.ts';
import { createLogger } from '../runtime/logger.ts';
import { systemRandom } from '../runtime/random.ts';
import type { Store } from '../store/store.ts';
import { openSqliteStore } from '../store/sqlite/open.ts';
import { checkHost } from '../transport/address-guard.ts';
import { createHttpTransport } from '../transport/http-transport.ts';
import { createMetrics } from './metrics.ts';
import { version } from './version.ts';

const graceMs = 20_000;
const dayMs = 86_400_000;
/** The embedded store has one owner, whose claims are its own in every life. */
const node = 'local';

export interface Serving {
  readonly url: string;
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

/** Composes and starts one node, on the store that the settings name or on an open one. */
export async function startServing(settings: Settings, openStore?: Store): Promise<Serving> {
  const clock = systemClock;
  const logger = createLogger(settings.logLevel);
  const store = openStore ?? (await openSqliteStore({ dataDir: settings.dataDir, thread: true }));
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
    return { url, newKey: key.made, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
