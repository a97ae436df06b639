import type { ClusterRole } from '../domain/shard.ts';
import {
  type Alert,
  alertStates,
  alertTenant,
  alertTiming,
  type AlertNotification,
  type Condition,
  stepAlerts,
  withNotifications,
} from '../domain/alert.ts';
import { payloadOf } from '../domain/channel.ts';
import type { ClockStatus } from '../domain/clock-record.ts';
import { makeEvent, type NewEvent } from '../domain/event.ts';
import { timeOrderedId } from '../domain/ids.ts';
import type { ScopedObjective } from '../domain/objective.ts';
import type { NodeClock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { repeat } from '../runtime/repeat.ts';
import type { Random } from '../runtime/random.ts';
import type { Alerting, Readings } from '../store/store.ts';
import {
  clockCondition,
  lockedCondition,
  type LockedSecrets,
  silentEvaluatorCondition,
  silentReconcilerCondition,
} from './conditions.ts';
import { rememberDeadLetters } from './dead-letters.ts';
import { type DomainCounts, readProgress } from './objective-counts.ts';
import {
  type Books,
  type Declared,
  judgeBooks,
  judgeDeliveries,
  type JudgedStore,
  judgeObjectives,
  readDeclared,
} from './judge.ts';
import { minuteMs } from '../domain/time.ts';

/** Objectives are evaluated by the minute, so no more often than this. */
const objectivesEveryMs = 60_000;
/** If no node has evaluated for this long, another node takes over. */
const silentAfterMs = 60_000;
const evaluatedAt = 'alerts_evaluated_at';
/** After a clock jump, measurements of the time since then mean nothing for this long. */
const unsteadyMs = 5 * minuteMs;
const byTheClock = ['overdue', 'endpoint_down', 'endpoint_disabling'] as const;

export type OnProgress = (
  objectives: readonly ScopedObjective[],
  progress: ReadonlyMap<string, DomainCounts>,
) => void;

export interface EvaluatorOptions {
  readonly store: JudgedStore & Alerting & Pick<Readings, 'setting' | 'saveSetting'>;
  readonly clock: NodeClock;
  readonly random: Random;
  readonly logger: Logger;
  readonly everyMs: number;
  /** How often the ledger is checked. */
  readonly reconcileEveryMs: number;
  readonly deadRetentionMs: number;
  readonly clockStatus: () => ClockStatus;
  /** Endpoints whose secrets cannot be decrypted here. */
  readonly locked: () => LockedSecrets;
  readonly role: ClusterRole;
  /** These endpoints have deliveries that are due. */
  readonly wake: (endpointIds: readonly string[]) => void;
  readonly onEvaluated: (firing: { readonly page: number; readonly ticket: number }) => void;
  /** What passed its deadline since the last evaluation, by objective. */
  readonly onProgress?: OnProgress;
}

export interface Evaluator {
  reconciled(books: Books): void;
  /** Evaluates now, not on schedule: for tests, and after a reconciliation. */
  evaluate(): Promise<void>;
  stop(): void;
}

/** An event to one channel, and what the alert keeps of it. */
interface Notification {
  readonly event: NewEvent;
  readonly endpointId: string;
  readonly alertId: string;
  readonly record: AlertNotification;
}

interface JudgedObjectives {
  readonly at: number;
  readonly list: readonly Condition[];
}

/**
 * Evaluates the rules on a schedule, one node at a time. Everything that has to survive is in the store, so another
 * node continues where this one died: a rule that it cannot evaluate yet leaves its alerts as they are.
 */
export function startEvaluator(options: EvaluatorOptions): Evaluator {
  const { store, clock, random, logger, everyMs, role } = options;
  let stopped = false;
  let books: Books | null = null;
  let unbalancedRuns = 0;
  let lastBooksAt: number | null = null;
  let mineSince: number | null = null;
  let objectives: JudgedObjectives | null = null;
  let countedBefore = 0;
  const deadLetters = rememberDeadLetters(store);
  let running: Promise<void> | null = null;
  let lastEvaluation: { readonly text: string | null; readonly seenAt: number } | null = null;

  /**
   * How long the store has not seen an evaluation; null: not long enough to report. Measured by the monotonic clock, so
   * that a jump of the wall clock silences no node.
   */
  const silentFor = async (): Promise<number | null> => {
    const text = await store.setting(evaluatedAt);
    if (lastEvaluation?.text !== text) lastEvaluation = { text, seenAt: clock.monotonic() };
    const silence = text === null ? 0 : clock.monotonic() - lastEvaluation!.seenAt;
    return silence > Math.max(silentAfterMs, 4 * everyMs) ? silence : null;
  };
  const isUnsteady = (now: number): boolean => {
    const { jump } = options.clockStatus();
    return jump !== null && Math.abs(now - jump.at) < unsteadyMs;
  };

  const conditions = async (
    stored: readonly Alert[],
    now: number,
  ): Promise<{ list: Condition[]; unjudged: Set<string> }> => {
    const unjudged = new Set<string>();
    const list: Condition[] = [];
    // Until this node has checked the ledger itself, it knows nothing about it.
    if (books === null) unjudged.add('unaccounted');
    else list.push(...judgeBooks(books, unbalancedRuns, stored));
    const since = lastBooksAt ?? mineSince;
    if (since === null) unjudged.add('reconciler_silent');
    else if (clock.monotonic() - since > 3 * options.reconcileEveryMs)
      list.push(silentReconcilerCondition(clock.monotonic() - since));
    const time = clockCondition(options.clockStatus());
    if (time !== null) list.push(time);
    const locked = lockedCondition(options.locked());
    if (locked !== null) list.push(locked);
    if (isUnsteady(now)) for (const rule of byTheClock) unjudged.add(rule);
    const silence = role.isCoordinator ? null : await silentFor();
    if (silence !== null) list.push(silentEvaluatorCondition(silence));
    const declared = await readDeclared(store);
    list.push(
      ...(
        await judgeDeliveries(store, declared, {
          now,
          lived: clock.lived(),
          deadRetentionMs: options.deadRetentionMs,
          deadLetters,
        })
      ).filter(({ rule }) => !unjudged.has(rule)),
    );
    if (objectives === null || now - objectives.at >= objectivesEveryMs || now < objectives.at)
      objectives = await judgeAll(declared, now);
    list.push(...objectives.list);
    return { list, unjudged };
  };

  const judgeAll = async (declared: Declared, now: number): Promise<JudgedObjectives> => {
    const list = await judgeObjectives(store, declared, now);
    if (options.onProgress !== undefined) {
      // Counted from when this node began to evaluate, starting at zero: the sum over all nodes is complete.
      const progress = await readProgress(
        store,
        declared.objectives,
        Math.min(now, objectives?.at ?? now),
        now,
      );
      const unaccounted = Math.max(0, (books?.unaccounted ?? 0) - countedBefore);
      countedBefore += unaccounted;
      const accounted = declared.objectives.filter(({ kind }) => kind === 'accounted');
      options.onProgress(
        declared.objectives,
        new Map([
          ...progress,
          // Only the ledger can spoil these: each missing delivery counts once, and is always the sender's fault.
          ...accounted.map(({ name }): [string, DomainCounts] => {
            const due = Math.max(progress.get(name)!.due, unaccounted);
            return [name, { due, bad: unaccounted, badBy: { sender: unaccounted, receiver: 0 } }];
          }),
        ]),
      );
    }
    return { at: now, list };
  };

  const evaluate = async (): Promise<void> => {
    const now = clock.now();
    const { version, alerts } = await store.alerts();
    const { list, unjudged } = await conditions(alerts, now);
    // Resolved alerts expire by measured time, not by the wall clock.
    const keepResolvedMs = alertTiming.keepResolvedMs + (now - clock.lived());
    const newId = (): string => timeOrderedId('alr', now, random.bytes(12));
    const step = stepAlerts(alerts, list, now, newId, unjudged, { ...alertTiming, keepResolvedMs });
    const changes = step.changed.length + step.forgotten.length > 0;
    if (changes) {
      const notifications = step.told.length === 0 ? [] : await notificationsOf(step.told, now);
      const { forgotten } = step;
      const sent = Map.groupBy(notifications, ({ alertId }) => alertId);
      const changed = step.changed.map((alert) =>
        withNotifications(alert, sent.get(alert.id)?.map(({ record }) => record) ?? []),
      );
      const events = notifications.map(({ event, endpointId }) => ({ event, endpointId }));
      if (!(await store.saveAlerts({ version, changed, forgotten, notifications: events, now }))) {
        logger.info({ code: 'evaluated_elsewhere' }, 'another node has evaluated the alerts meanwhile');
        return;
      }
      for (const { rule, group, state, severity } of step.told)
        logger.warn({ code: 'alert', rule, group, state, severity }, 'alert');
      options.wake([...new Set(notifications.map(({ endpointId }) => endpointId))]);
    }
    const gone = new Set([...step.forgotten, ...step.changed.map(({ id }) => id)]);
    const firing = [...alerts.filter(({ id }) => !gone.has(id)), ...step.changed].filter(
      ({ state }) => state === alertStates[1],
    );
    await store.saveSetting(evaluatedAt, String(now));
    options.onEvaluated({
      page: firing.filter(({ severity }) => severity === 'page').length,
      ticket: firing.filter(({ severity }) => severity === 'ticket').length,
    });
  };

  const notificationsOf = async (told: readonly Alert[], now: number): Promise<Notification[]> => {
    const channels = new Map(
      (await store.documents('channel')).map(({ name, document }) => [name, document]),
    );
    const teams = new Map(
      (await store.documents('team')).map(({ name, document }) => [name, document.channels]),
    );
    return told.flatMap((alert) => {
      const concerned = [...(alert.owner === null ? [] : [alert.owner]), ...(alert.alsoTold ?? [])];
      const owned = new Map<string, string[]>();
      for (const team of concerned)
        for (const name of teams.get(team) ?? [])
          if (channels.has(name)) owned.set(name, [...(owned.get(name) ?? []), team]);
      // If an alert has no owner, or its owner has no channel, every channel is notified.
      return [...(owned.size > 0 ? owned.keys() : channels.keys())].map((name): Notification => {
        const { channel, endpointId } = channels.get(name)!;
        const event = makeEvent({
          id: `${alert.id}-${alert.state}-${now}-${name}`,
          callerId: true,
          tenant: alertTenant,
          type: 'posthorn.alert',
          data: JSON.stringify(payloadOf(channel, alert)),
        });
        const says = alert.state === 'resolved' ? 'resolved' : 'firing';
        const record = {
          teams: owned.get(name) ?? [],
          channel: name,
          at: now,
          says,
          eventId: event.id,
        } as const;
        return { endpointId, event, alertId: alert.id, record };
      });
    });
  };

  const notEvaluated = (error: Error): void =>
    logger.warn(
      { code: 'evaluation_failed', error: error.message },
      'alerts could not be evaluated; trying again',
    );
  const once = (): Promise<void> => {
    running ??= evaluate()
      .catch(notEvaluated)
      .finally(() => (running = null));
    return running;
  };
  const round = async (): Promise<void> => {
    if (role.isCoordinator) {
      mineSince ??= clock.monotonic();
      await once();
    } else {
      if (await silentFor().catch(() => null)) await once();
      // What another node has found meanwhile is not known here.
      mineSince = null;
      lastBooksAt = null;
      books = null;
      unbalancedRuns = 0;
      objectives = null;
      options.onProgress?.([], new Map());
    }
  };
  const rounds = repeat(clock, round, {
    everyMs,
    firstMs: Math.min(1000, everyMs),
    kind: 'poll',
    onError: notEvaluated,
  });
  return {
    reconciled: (found) => {
      books = found;
      lastBooksAt = clock.monotonic();
      unbalancedRuns = found.balanced ? 0 : unbalancedRuns + 1;
      if (!stopped) void once();
    },
    evaluate: once,
    stop: () => {
      stopped = true;
      void rounds.stop();
    },
  };
}
