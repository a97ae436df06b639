import { deliveryLines, reconcile } from 'posthorn/engine';
import { History } from './history.ts';
import { checkRun } from './check-run.ts';
import { NaiveSender, type NaiveLogLine } from './naive-sender.ts';
import { Network } from './network.ts';
import { inBatches, makePlan, type Plan } from './plan.ts';
import type { Scenario } from './scenario.ts';
import type { Violation } from './step-checker.ts';
import { VirtualTime } from 'posthorn/runtime';
import { worldBegins } from './world-begins.ts';
import type { Mutant } from './mutant.ts';
import { World } from './world.ts';
import { everything } from 'posthorn/store';

export interface NaiveResult {
  readonly accepted: number;
  readonly delivered: number;
  readonly silently_dropped: number;
  readonly given_up: number;
  readonly late: number;
  readonly duplicated: number;
  /** Sum of the amounts that were silently dropped, minor units. */
  readonly dropped_minor: number;
  /** Attempts of up to three dropped payments, for the report. */
  readonly examples: readonly NaiveExample[];
}

export interface NaiveExample {
  readonly payment: number;
  readonly amountMinor: number;
  readonly attempts: readonly (NaiveLogLine & {
    readonly reallyEndedAt: number;
    readonly reallyEnded: string;
  })[];
}

export interface PosthornResult {
  /** Events handed over, events acknowledged, and events that arrived although their publisher got no receipt. */
  readonly attempted: number;
  readonly acknowledged: number;
  readonly recovered: number;
  /** Deliveries, suppressed ones among them. */
  readonly accepted: number;
  readonly delivered: number;
  readonly dead: number;
  readonly cancelled: number;
  readonly suppressed: number;
  readonly lost: number;
  readonly unexpected: number;
  readonly late: number;
  /** Webhooks that arrived more than once; receivers know them by their id. */
  readonly duplicated: number;
  readonly duplicate_causes: Readonly<Record<string, number>>;
  readonly superseded: number;
  readonly unaccounted: number;
  readonly steps_checked: number;
}

/** One world, one seed. */
export interface SeedResult {
  readonly seed: number;
  readonly payments: number;
  readonly simulatedHours: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly naive: NaiveResult | null;
  readonly posthorn: PosthornResult;
  readonly violations: readonly Violation[];
  readonly lines: readonly string[] | null;
}

export interface RunOptions {
  readonly traced?: boolean;
  readonly keep?: ReadonlySet<string> | null;
  readonly mutant?: Mutant;
  readonly naiveLog?: (line: NaiveLogLine, plan: Plan) => void;
  /** Gets Posthorn's own log, a delivery a line; `prefix` comes before each event's id. */
  readonly posthornLog?: { readonly prefix: string; readonly write: (line: string) => void };
  /** A number between 0 and 1. */
  readonly onProgress?: (share: number) => void;
}

const naiveShare = 0.15;

/** Runs one seed of a scenario: everything in the answer depends on the two alone. */
export async function runSeed(
  scenario: Scenario,
  seed: number,
  options: RunOptions = {},
): Promise<SeedResult> {
  const plan = makePlan(scenario, seed, options.keep ?? null);
  const naive =
    scenario.naive === null
      ? null
      : await runNaive(scenario, plan, options.naiveLog ?? (() => {}), (share) =>
          options.onProgress?.(share * naiveShare),
        );
  const world = new World({
    scenario,
    plan,
    traced: options.traced === true,
    ...(options.mutant === undefined ? {} : { mutant: options.mutant }),
    onProgress: (elapsed) =>
      options.onProgress?.(
        Math.min(1, naiveShare + ((1 - naiveShare) * elapsed) / (scenario.hours * 3_600_000)),
      ),
  });
  try {
    await world.run();
    const { posthornLog } = options;
    if (posthornLog !== undefined)
      for await (const line of deliveryLines(world.inner.read, posthornLog.prefix)) posthornLog.write(line);
    return { ...(await readResult(world, scenario, plan)), naive };
  } finally {
    world.close();
  }
}

async function readResult(world: World, scenario: Scenario, plan: Plan): Promise<Omit<SeedResult, 'naive'>> {
  const { history, time } = world;
  const at = time.elapsed;
  const ledger = await reconcile(world.inner.read, { everyRow: true });
  if (!ledger.balanced) {
    const found =
      ledger.findings[0] === undefined
        ? `unaccounted ${ledger.unaccounted}`
        : `${ledger.findings[0].problem} (${ledger.findings[0].eventId})`;
    world.report({
      invariant: 'conservation',
      at,
      message: `the ledger does not balance in the end: ${found} (G6)`,
    });
  }
  const accounting = await world.inner.read.accounting({
    ...everything,
    now: Math.floor(time.now),
  });
  let checked: ReturnType<typeof checkRun>;
  if (history.attempts === null) checked = checkLarge(world, accounting);
  else {
    checked = checkRun({
      scenario,
      plan,
      history,
      finals: await world.finals(),
      report: (violation) => world.report(violation),
      at,
      troubles: world.troubles,
      touched: world.operators.touched,
    });
    const late = world.lateRows();
    if (scenario.retention_hours === undefined && late !== accounting.late)
      world.report({
        invariant: 'late_count',
        at,
        message: `${late} deliveries were late, and ${accounting.late} are counted`,
      });
  }
  return {
    seed: plan.seed,
    payments: history.published.reduce((sum, state) => sum + Number(state > 0), 0),
    simulatedHours: at / 3_600_000,
    faults: { ...world.network.faults, ...world.store.faults, ...world.faults },
    posthorn: {
      ...countPublished(history),
      accepted: accounting.accepted,
      delivered: accounting.delivered,
      dead: accounting.dead,
      cancelled: accounting.cancelled,
      suppressed: accounting.suppressed,
      lost: checked.lost,
      unexpected: checked.unexpected,
      late: accounting.late,
      duplicated: checked.duplicates,
      duplicate_causes: checked.duplicated,
      superseded: accounting.supersededAttempts,
      unaccounted: ledger.unaccounted,
      steps_checked: world.checker.steps,
    },
    violations: world.violations,
    lines: history.lines,
  };
}

function countPublished(history: History): Pick<PosthornResult, 'attempted' | 'acknowledged' | 'recovered'> {
  let attempted = 0;
  let acknowledged = 0;
  let recovered = 0;
  for (const [payment, state] of history.published.entries()) {
    attempted += Number(state > 0);
    acknowledged += Number(state === 2);
    const from = payment * history.endpoints;
    if (state === 1 && history.arrivals.subarray(from, from + history.endpoints).some((n) => n > 0))
      recovered++;
  }
  return { attempted, acknowledged, recovered };
}

/** In a world too large to keep every attempt: by arrivals, promises and counters. */
function checkLarge(
  world: World,
  accounting: { dead: number; cancelled: number; suppressed: number; pending: number },
): ReturnType<typeof checkRun> {
  const { history, time } = world;
  let missing = 0;
  let duplicates = 0;
  let unexpected = 0;
  let example = -1;
  for (let payment = 0; payment < history.payments; payment++) {
    for (let endpoint = 0; endpoint < history.endpoints; endpoint++) {
      const arrivals = history.arrivals[payment * history.endpoints + endpoint]!;
      if (arrivals > 1) duplicates += arrivals - 1;
      if (arrivals > 0 && history.published[payment] === 0) unexpected++;
      if (arrivals === 0 && history.published[payment] === 2) {
        missing++;
        example = payment;
      }
    }
  }
  // What did not arrive must be where operators see it.
  const accountedFor = accounting.dead + accounting.cancelled + accounting.suppressed + accounting.pending;
  const lost = Math.max(0, missing - accountedFor);
  const at = time.elapsed;
  if (lost > 0)
    world.report({
      invariant: 'lost',
      at,
      message: `${lost} deliveries are missing, payment ${example} among them`,
    });
  if (unexpected > 0)
    world.report({
      invariant: 'unexpected',
      at,
      message: `${unexpected} webhooks arrived that were not published`,
    });
  if (accounting.pending > 0)
    world.report({
      invariant: 'liveness',
      at,
      message: `${accounting.pending} deliveries are still pending, long after all faults ended`,
    });
  return { lost, unexpected, duplicated: {}, duplicates };
}

/** The naive sender on the same payments and the same network. */
export async function runNaive(
  scenario: Scenario,
  plan: Plan,
  log: (line: NaiveLogLine, plan: Plan) => void,
  onProgress: (share: number) => void,
): Promise<NaiveResult> {
  const { timeout_s: timeoutS, retry_after_s: retryAfterS } = scenario.naive!;
  const time = new VirtualTime(worldBegins);
  const network = new Network(scenario, plan);
  const history = new History(scenario.payments, 1, false, false);
  const withinMs = scenario.endpoints[0]!.deliver_within_s * 1000;
  // Kept until it is known whether the payment was dropped: only those that had a second attempt can be.
  const kept = new Map<number, NaiveExample['attempts'][number][]>();
  const ends = new Map<string, { at: number; how: string }>();
  const sender = new NaiveSender({
    time,
    timeoutMs: timeoutS * 1000,
    retryAfterMs: retryAfterS.map((s) => s * 1000),
    send: (payment, attempt) => {
      const exchange = network.exchange(0, payment, attempt, time.elapsed);
      if (exchange.processedAfter !== null)
        time.after(exchange.processedAfter, () => history.arrived(0, payment, time.elapsed));
      if (exchange.fault !== null)
        ends.set(`${payment}/${attempt}`, {
          at: time.elapsed + exchange.answeredAfter,
          how: exchange.error === null ? `HTTP ${exchange.status}` : `connection ${exchange.error}`,
        });
      return exchange;
    },
    log: (line) => {
      log(line, plan);
      if (line.error === null && line.statusCode === 200 && !kept.has(line.payment)) return;
      const end = ends.get(`${line.payment}/${line.attempt}`);
      const attempts = kept.get(line.payment) ?? [];
      attempts.push({
        ...line,
        reallyEndedAt: end?.at ?? line.endedAt,
        reallyEnded: end?.how ?? `HTTP ${line.statusCode}`,
      });
      kept.set(line.payment, attempts);
    },
  });
  inBatches(plan, scenario.batch_every_s * 1000, time, (batch) => {
    for (const payment of batch) {
      history.published[payment] = 2;
      sender.deliver(payment);
    }
  });
  const trouble = worldBegins + scenario.hours * 3_600_000;
  for (let until = worldBegins; until < trouble;) {
    until = Math.min(trouble, until + 3_600_000);
    time.runPlain(until);
    onProgress((until - worldBegins) / (trouble - worldBegins));
  }
  network.healed = true;
  time.runPlain(trouble + scenario.drain_hours * 3_600_000);

  return naiveResult(plan, history, withinMs, (payment) => sender.statusOf(payment) === 'failed', kept);
}

/** What became of the naive sender's payments; `kept`: the attempts of those that had a second one. */
function naiveResult(
  plan: Plan,
  history: History,
  withinMs: number,
  isGivenUp: (payment: number) => boolean,
  kept: ReadonlyMap<number, NaiveExample['attempts'][number][]>,
): NaiveResult {
  let delivered = 0;
  let dropped = 0;
  let givenUp = 0;
  let late = 0;
  let duplicated = 0;
  let droppedMinor = 0;
  let accepted = 0;
  const examples: NaiveExample[] = [];
  for (let payment = 0; payment < history.payments; payment++) {
    if (history.published[payment] !== 2) continue;
    accepted++;
    const arrivals = history.arrivals[payment]!;
    if (arrivals > 0) {
      delivered++;
      duplicated += arrivals - 1;
      if (history.firstAt[payment]! - plan.paidAt[payment]! > withinMs) late++;
    } else if (isGivenUp(payment)) givenUp++;
    else {
      dropped++;
      droppedMinor += plan.amounts[payment]!;
      const attempts = kept.get(payment) ?? [];
      if (examples.length < 3 && attempts.length > 1)
        examples.push({ payment, amountMinor: plan.amounts[payment]!, attempts });
    }
  }
  return {
    accepted,
    delivered,
    silently_dropped: dropped,
    given_up: givenUp,
    late,
    duplicated,
    dropped_minor: droppedMinor,
    examples,
  };
}
