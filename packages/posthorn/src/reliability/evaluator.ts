import type { ClusterRole } from '../domain/shard.ts';
import { evaluateDeliveries } from './delivery-evaluation.ts';
import {
  type Alert,
  type AlertStep,
  alertTiming,
  type Condition,
  stepAlerts,
  withNotifications,
} from '../domain/alert.ts';
import type { ClockStatus } from '../domain/clock-record.ts';
import { timeOrderedId } from '../domain/ids.ts';
import type { ScopedObjective } from '../domain/objective.ts';
import type { NodeClock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { type Repeated, repeat } from '../runtime/repeat.ts';
import type { Random } from '../runtime/random.ts';
import type { StorePart } from '../store/store.ts';
import {
  clockCondition,
  lockedCondition,
  type LockedSecrets,
  silentEvaluatorCondition,
  silentReconcilerCondition,
} from './conditions.ts';
import { rememberDeadLetters } from './dead-letters.ts';
import { withHosts } from './host-names.ts';
import { type DomainCounts, readProgress } from './objective-counts.ts';
import {
  type LedgerCheck,
  type Declared,
  evaluateLedger,
  type EvaluatedStore,
  evaluateObjectives,
  readDeclared,
} from './evaluation.ts';
import { notificationsFor } from './notifications.ts';
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
  readonly store: StorePart<'saveAlerts' | 'saveSetting', keyof EvaluatedStore | 'alerts' | 'setting'>;
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
  /** Where browsers reach the dashboard; null: notifications have no links. */
  readonly publicUrl: string | null;
  /** These endpoints have deliveries that are due. */
  readonly wake: (endpointIds: readonly string[]) => void;
  readonly onEvaluated: (firing: { readonly page: number; readonly ticket: number }) => void;
  /** What passed its deadline since the last evaluation, by objective. */
  readonly onProgress?: OnProgress;
}

interface EvaluatedObjectives {
  readonly at: number;
  readonly list: readonly Condition[];
}

/** What this node knows while it is the coordinator; nothing of it survives a change of role. */
interface Knowledge {
  /** Since when this node evaluates, on the monotonic clock; null: it does not. */
  since: number | null;
  ledger: LedgerCheck | null;
  ledgerAt: number | null;
  unbalancedRuns: number;
  objectives: EvaluatedObjectives | null;
}

const nothing: Knowledge = { since: null, ledger: null, ledgerAt: null, unbalancedRuns: 0, objectives: null };

/**
 * Evaluates the rules on a schedule, one node at a time. Everything that has to survive is in the store, so another
 * node continues where this one died: a rule that it cannot evaluate yet leaves its alerts as they are.
 */
export class Evaluator {
  readonly #o: EvaluatorOptions;
  readonly #deadLetters: ReturnType<typeof rememberDeadLetters>;
  readonly #rounds: Repeated;
  #known: Knowledge = { ...nothing };
  /** Unaccounted deliveries that were counted against objectives already. */
  #countedBefore = 0;
  #stopped = false;
  #running: Promise<void> | null = null;
  #lastEvaluation: { readonly text: string | null; readonly seenAt: number } | null = null;

  constructor(options: EvaluatorOptions) {
    this.#o = options;
    this.#deadLetters = rememberDeadLetters(options.store.read);
    this.#rounds = repeat(options.clock, () => this.#round(), {
      everyMs: options.everyMs,
      firstMs: Math.min(1000, options.everyMs),
      kind: 'poll',
      onError: (error) => this.#failed(error),
    });
  }

  /** The ledger was checked, with this result. */
  reconciled(found: LedgerCheck): void {
    this.#known.ledger = found;
    this.#known.ledgerAt = this.#o.clock.monotonic();
    this.#known.unbalancedRuns = found.balanced ? 0 : this.#known.unbalancedRuns + 1;
    if (!this.#stopped) void this.evaluate();
  }

  /** Evaluates now, not on schedule: for tests, and after a reconciliation. */
  evaluate(): Promise<void> {
    this.#running ??= this.#evaluate()
      .catch((error: Error) => this.#failed(error))
      .finally(() => (this.#running = null));
    return this.#running;
  }

  stop(): void {
    this.#stopped = true;
    void this.#rounds.stop();
  }

  #failed(error: Error): void {
    this.#o.logger.warn(
      { code: 'evaluation_failed', error: error.message },
      'alerts could not be evaluated; trying again',
    );
  }

  async #round(): Promise<void> {
    const { clock, role, onProgress } = this.#o;
    if (role.isCoordinator) {
      this.#known.since ??= clock.monotonic();
      await this.evaluate();
      return;
    }
    if (await this.#silentFor().catch(() => null)) await this.evaluate();
    // What another node finds meanwhile is not known here.
    this.#known = { ...nothing };
    onProgress?.([], new Map());
  }

  async #evaluate(): Promise<void> {
    const { store, clock, random, onEvaluated } = this.#o;
    const now = clock.now();
    const { version, alerts } = await store.read.alerts();
    const { list, unevaluated } = await this.#conditions(alerts, now);
    // Resolved alerts expire by measured time, not by the wall clock.
    const keepResolvedMs = alertTiming.keepResolvedMs + (now - clock.lived());
    const newId = (): string => timeOrderedId('alr', now, random.bytes(12));
    const step = stepAlerts(alerts, list, now, newId, unevaluated, { ...alertTiming, keepResolvedMs });
    if (step.changed.length + step.forgotten.length > 0 && !(await this.#save(step, alerts, version, now)))
      return;
    const replaced = new Set([...step.forgotten, ...step.changed.map(({ id }) => id)]);
    const firing = [...alerts.filter(({ id }) => !replaced.has(id)), ...step.changed].filter(
      ({ state }) => state === 'firing',
    );
    await store.write.saveSetting(evaluatedAt, String(now));
    onEvaluated({
      page: firing.filter(({ severity }) => severity === 'page').length,
      ticket: firing.filter(({ severity }) => severity === 'ticket').length,
    });
  }

  /** Saves the alerts with their notifications; false if another node was faster. */
  async #save(step: AlertStep, before: readonly Alert[], version: number, now: number): Promise<boolean> {
    const { store, logger, wake, publicUrl } = this.#o;
    const after = new Map([...before, ...step.changed].map((alert) => [alert.id, alert]));
    const all = [...after.values()];
    const notifications = await notificationsFor(store.read, step.notify, all, now, publicUrl);
    const changed = step.changed.map((alert) =>
      withNotifications(
        alert,
        notifications.flatMap(({ alertIds, record }) => (alertIds.includes(alert.id) ? [record] : [])),
      ),
    );
    const events = notifications.map(({ event, endpointId }) => ({ event, endpointId }));
    const change = { version, changed, forgotten: step.forgotten, notifications: events, now };
    if (!(await store.write.saveAlerts(change))) {
      logger.info({ code: 'evaluated_elsewhere' }, 'another node has evaluated the alerts meanwhile');
      return false;
    }
    for (const { rule, group, state, severity } of step.notify)
      logger.warn({ code: 'alert', rule, group, state, severity }, 'alert');
    wake([...new Set(notifications.map(({ endpointId }) => endpointId))]);
    return true;
  }

  async #conditions(
    stored: readonly Alert[],
    now: number,
  ): Promise<{ list: Condition[]; unevaluated: Set<string> }> {
    const { store, clock, deadRetentionMs } = this.#o;
    const unevaluated = new Set<string>();
    const list = await this.#systemConditions(stored, now, unevaluated);
    const declared = await readDeclared(store.read);
    const unnamed = await evaluateDeliveries(store.read, declared, {
      now,
      lived: clock.lived(),
      deadRetentionMs,
      deadLetters: this.#deadLetters,
    });
    const found = withHosts(unnamed, declared.endpoints);
    list.push(...found.filter(({ rule }) => !unevaluated.has(rule)));
    const { objectives } = this.#known;
    const isFresh = objectives !== null && now - objectives.at < objectivesEveryMs && now >= objectives.at;
    const current = isFresh ? objectives : await this.#evaluateObjectives(declared, now);
    this.#known.objectives = current;
    list.push(...current.list);
    return { list, unevaluated };
  }

  /** Conditions of Posthorn itself; rules that this node cannot evaluate yet go to `unevaluated`. */
  async #systemConditions(
    stored: readonly Alert[],
    now: number,
    unevaluated: Set<string>,
  ): Promise<Condition[]> {
    const { clock, role, clockStatus, locked, reconcileEveryMs } = this.#o;
    const { ledger, ledgerAt, since, unbalancedRuns } = this.#known;
    const list: Condition[] = [];
    // Until this node has checked the ledger itself, it knows nothing about it.
    if (ledger === null) unevaluated.add('unaccounted');
    else list.push(...evaluateLedger(ledger, unbalancedRuns, stored));
    const checkedAt = ledgerAt ?? since;
    if (checkedAt === null) unevaluated.add('reconciler_silent');
    else if (clock.monotonic() - checkedAt > 3 * reconcileEveryMs)
      list.push(silentReconcilerCondition(clock.monotonic() - checkedAt));
    const silence = role.isCoordinator ? null : await this.#silentFor();
    const others = [
      clockCondition(clockStatus()),
      lockedCondition(locked()),
      silence === null ? null : silentEvaluatorCondition(silence),
    ];
    list.push(...others.filter((condition) => condition !== null));
    if (this.#isUnsteady(now)) for (const rule of byTheClock) unevaluated.add(rule);
    return list;
  }

  #isUnsteady(now: number): boolean {
    const { jump } = this.#o.clockStatus();
    return jump !== null && Math.abs(now - jump.at) < unsteadyMs;
  }

  /**
   * How long the store has not seen an evaluation; null: not long enough to report. Measured by the monotonic clock, so
   * that a jump of the wall clock silences no node.
   */
  async #silentFor(): Promise<number | null> {
    const { store, clock, everyMs } = this.#o;
    const text = await store.read.setting(evaluatedAt);
    if (this.#lastEvaluation?.text !== text) this.#lastEvaluation = { text, seenAt: clock.monotonic() };
    const silence = text === null ? 0 : clock.monotonic() - this.#lastEvaluation!.seenAt;
    return silence > Math.max(silentAfterMs, 4 * everyMs) ? silence : null;
  }

  async #evaluateObjectives(declared: Declared, now: number): Promise<EvaluatedObjectives> {
    const list = withHosts(await evaluateObjectives(this.#o.store.read, declared, now), declared.endpoints);
    if (this.#o.onProgress !== undefined) await this.#progress(declared, now, this.#o.onProgress);
    return { at: now, list };
  }

  async #progress({ objectives }: Declared, now: number, onProgress: OnProgress): Promise<void> {
    // Counted from when this node began to evaluate, starting at zero: the sum over all nodes is complete.
    const from = Math.min(now, this.#known.objectives?.at ?? now);
    const progress = await readProgress(this.#o.store.read, objectives, from, now);
    const unaccounted = Math.max(0, (this.#known.ledger?.unaccounted ?? 0) - this.#countedBefore);
    this.#countedBefore += unaccounted;
    const accounted = objectives.filter(({ kind }) => kind === 'accounted');
    onProgress(
      objectives,
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
}
