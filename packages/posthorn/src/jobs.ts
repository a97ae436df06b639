import { defaults } from './config/defaults.ts';
import { dayMs, secondMs } from './domain/time.ts';
import { saveReconciliation } from './ledger/last-reconciliation.ts';
import { startReconciler } from './ledger/reconciler.ts';
import type { NodeOptions } from './options.ts';
import type { Parts } from './parts.ts';
import { Evaluator } from './reliability/evaluator.ts';
import { createWatchdog } from './reliability/watchdog.ts';
import { version } from './version.ts';

/**
 * Starts the jobs that run beside the deliveries: the reconciler, and the evaluator with the watchdog. Returns what
 * stops them.
 */
export function startJobs(
  { clock, logger, transport, engine, alarm, services: { store, random, publicOrigin } }: Parts,
  options: NodeOptions,
): () => void {
  const { watchdogUrl: url, onProgress } = options;
  const reconcileEveryMs = (options.reconcileEveryS ?? defaults.reconcileEveryS) * secondMs;
  const watchdog =
    url === undefined
      ? null
      : createWatchdog({ url, transport, clock, logger, userAgent: `Posthorn/${version}` });
  const evaluator = new Evaluator({
    store,
    clock,
    random,
    logger,
    everyMs: (options.evaluateEveryS ?? defaults.evaluateEveryS) * secondMs,
    reconcileEveryMs,
    deadRetentionMs: (options.deadRetentionDays ?? defaults.deadRetentionDays) * dayMs,
    clockStatus: () => engine.status().clock,
    locked: () => engine.status().locked,
    role: engine,
    publicUrl: publicOrigin,
    wake: (endpointIds) => engine.wake(endpointIds),
    ...(onProgress === undefined ? {} : { onProgress }),
    onEvaluated: (firing) => {
      options.onEvaluated?.(firing);
      // If the store cannot be read, the channels stay as they were.
      void alarm.refresh().catch(() => {});
      watchdog?.ping();
    },
  });
  const reconciler = startReconciler({
    store: store.read,
    clock,
    logger,
    everyMs: reconcileEveryMs,
    role: engine,
    onResult: (result) => {
      options.onReconciled?.(result);
      saveReconciliation(store.write, result, clock.now()).catch((error: Error) =>
        logger.warn(
          { code: 'reconciliation_not_saved', error: error.message },
          'the result of the reconciliation was not saved',
        ),
      );
      evaluator.reconciled({
        balanced: result.balanced,
        unaccounted: result.unaccounted,
        endpointIds: result.rows
          .filter((row) => row.unaccounted !== 0 || row.mismatches.length > 0)
          .map(({ endpointId }) => endpointId),
        findings: result.findings,
      });
    },
  });
  return () => {
    reconciler.stop();
    evaluator.stop();
  };
}
