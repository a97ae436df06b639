import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { proxyFromEnvironment, type Settings } from '../config/settings.ts';
import { dayMs } from '../domain/time.ts';
import type { NodeOptions } from '../options.ts';
import type { Opened } from '../opened.ts';
import { compose, open, type StopResult } from '../posthorn.ts';
import { type Clock, systemClock } from '../runtime/clock.ts';
import { createServeLog, type ServeLog } from './serve-log.ts';
import { systemRandom } from '../runtime/random.ts';
import { within } from '../runtime/within.ts';
import { keyringWithout, type OpenedKeyring } from '../secrets/open-keyring.ts';
import type { Store } from '../store/store.ts';
import { proxyChoice } from '../transport/proxy.ts';
import { version } from '../version.ts';
import { createMetrics } from './metrics/metrics.ts';
import { createStoreSampler } from './metrics/store-sample.ts';
import { startTracing } from './tracing.ts';

export interface Serving {
  readonly url: string;
  readonly node: string;
  stop(): Promise<StopResult>;
}

const maxTracingStopMs = 1000;

const hashKey = (key: string): string => createHash('sha256').update(key).digest('hex');

/** The hash of the admin key: of the given key, else the stored one, else of a new key. */
async function adminKey(
  store: Store,
  given: string | undefined,
): Promise<{ hash: string; made: string | null }> {
  if (given !== undefined) return { hash: hashKey(given), made: null };
  const stored = await store.read.setting('admin_key_hash');
  if (stored !== null) return { hash: stored, made: null };
  const made = `phk_${Buffer.from(systemRandom.bytes(32)).toString('base64url')}`;
  const hash = await store.write.settleSetting('admin_key_hash', hashKey(made));
  return { hash, made: hash === hashKey(made) ? made : null };
}

interface ServingParts {
  readonly store?: Store;
  readonly clock?: Clock;
  readonly logger?: ServeLog;
  readonly transport?: NodeOptions['transport'];
  /** A key was created, and is shown only now: whatever fails afterwards, it opens this store. */
  readonly onNewKey?: (key: string) => void;
  /** A key file was created, which has to be backed up. */
  readonly onKeyFile?: (path: string) => void;
}

/** The store that the settings name, or the given one. */
async function openStore(settings: Settings, store: Store | undefined): Promise<Opened & OpenedKeyring> {
  const { secretKey, plaintextSecrets, nodeName } = settings;
  if (store !== undefined) return { store, node: 'local', ...keyringWithout({ secretKey }, systemRandom) };
  return await open({
    database: databaseFrom(settings),
    ...(nodeName === undefined ? {} : { nodeName }),
    secretKey,
    plaintextSecrets,
  });
}

const databaseFrom = ({ databaseUrl, dataDir }: Settings): string => databaseUrl ?? dataDir;

/** The options of a node that its settings give. */
function nodeOptions(settings: Settings): NodeOptions {
  return {
    database: databaseFrom(settings),
    allowPrivateNetworks: settings.allowPrivateNetworks,
    allowNetworks: settings.allowNetworks,
    denyNetworks: settings.denyNetworks,
    trustedProxies: settings.trustedProxies,
    ...(settings.publicUrl === undefined ? {} : { publicUrl: settings.publicUrl }),
    insecureDashboard: settings.insecureDashboard,
    dashboard: !settings.noDashboard,
    ...(settings.dashboardHost === undefined ? {} : { dashboardAddress: settings.dashboardHost }),
    ...(settings.metricsKey === undefined ? {} : { metricsKeyHash: hashKey(settings.metricsKey) }),
    retentionDays: settings.retentionDays,
    deadRetentionDays: settings.deadRetentionDays,
    auditRetentionDays: settings.auditRetentionDays,
    stopGraceS: settings.stopGraceS,
    reconcileEveryS: settings.reconcileEveryS,
    evaluateEveryS: settings.evaluateEveryS,
    ...(settings.watchdogUrl === undefined ? {} : { watchdogUrl: settings.watchdogUrl }),
  };
}

/** Composes and starts one node of `posthorn serve`, on the store that the settings name or on an open one. */
export async function startServing(settings: Settings, parts: ServingParts = {}): Promise<Serving> {
  const proxy = settings.proxy ?? proxyFromEnvironment(process.env);
  // An invalid one is found before anything is opened.
  proxyChoice(proxy);
  const opened = await openStore(settings, parts.store);
  if (opened.madeKeyFile !== null) parts.onKeyFile?.(opened.madeKeyFile);
  const tracing = await startTracing(process.env, {
    version,
    // Every embedded node has the same name.
    instance: settings.databaseUrl === undefined ? hostname() : opened.node,
  }).catch(async (error: unknown) => {
    await opened.store.close();
    throw error;
  });
  const key = await adminKey(opened.store, settings.apiKey).catch(async (error: unknown) => {
    await opened.store.close();
    throw error;
  });
  if (key.made !== null) parts.onNewKey?.(key.made);
  const clock = parts.clock ?? systemClock;
  const log = parts.logger ?? createServeLog(settings.logLevel);
  const metrics = createMetrics({
    sampler: createStoreSampler(opened.store.read, clock),
    clock,
    build: { version, store: settings.databaseUrl === undefined ? 'sqlite' : 'postgres' },
    deadRetentionMs: settings.deadRetentionDays * dayMs,
    droppedLogLines: log.dropped,
  });
  const posthorn = compose(opened, {
    ...nodeOptions(settings),
    ...(proxy === undefined ? {} : { proxy }),
    adminKeyHashes: [key.hash],
    logger: log.logger,
    metrics,
    ...(tracing === null ? {} : { tracing: tracing.tracing }),
    onReconciled: (result) => metrics.reconciled(result),
    onProgress: metrics.progressed,
    onEvaluated: (firing) => metrics.evaluated(firing),
    ...(parts.clock === undefined ? {} : { clock: parts.clock }),
    ...(parts.transport === undefined ? {} : { transport: parts.transport }),
  });
  const stop = async (): Promise<StopResult> => {
    const result = await posthorn.stop();
    // The last spans; an unavailable collector does not delay the end.
    if (tracing !== null) await within(clock, maxTracingStopMs, tracing.stop());
    return result;
  };
  try {
    await posthorn.start();
    const url = await posthorn.listen({ host: settings.host, port: settings.port });
    return { url, node: posthorn.node, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
