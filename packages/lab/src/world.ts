import { dayMs, deliveryId, deliveryStates, type Endpoint, hourMs, UnavailableError } from 'posthorn/domain';
import { createEngine, defaultRetention, plainKeyring, type Retention } from 'posthorn/engine';
import { drawnAt, type Logger, nodeClock, SeededRandom, VirtualTime } from 'posthorn/runtime';
import type { Store } from 'posthorn/store';
import { createSqliteStore, Database, migrate } from 'posthorn/sqlite';
import { AttemptChecker } from './attempt-checker.ts';
import { changedNothing, describe } from './describe.ts';
import { DisableChecker } from './disable-checker.ts';
import { toEndpoint } from './endpoints.ts';
import { History } from './history.ts';
import type { FinalDelivery, Trouble } from './check-run.ts';
import { Network } from './network.ts';
import { KeyChecker } from './key-checker.ts';
import { LabNode } from './node.ts';
import { Operators } from './operators.ts';
import type { Mutant } from './mutant.ts';
import type { NodeFault, Plan } from './plan.ts';
import { Publisher } from './publisher.ts';
import type { Scenario } from './scenario.ts';
import { SharedStore, type Step } from './shared-store.ts';
import { type Invariant, StepChecker, type Violation } from './step-checker.ts';
import type { WorldView } from './world-view.ts';
import { labTransport } from './transport.ts';
import { worldBegins } from './world-begins.ts';

const maxViolations = 50;
/** How long a node may go by the former time after the clock has leapt: a slow store, and heartbeats that fail. */
const unsteadyMs = 30_000;
const graceMs = 5000;
/** Giving claims back once more, after the grace time. */
const afterGraceMs = 3000;
/** When rows that a thawed node wrote by the former time have been moved, at the latest. */
const settlingMs = 130_000;
/** Timers that fire in a simulated second, on the average; a busy world has a few hundred. */
const maxFiredPerS = 5000;
const maxFired = 500_000;

export interface WorldOptions {
  readonly scenario: Scenario;
  readonly plan: Plan;
  /** Keeps readable lines of everything that happens. */
  readonly traced: boolean;
  readonly mutant?: Mutant;
  readonly onProgress?: (elapsed: number) => void;
}

/** Posthorn's own engine and store in a simulated world: nodes, publishers, operators, network and receivers. */
export class World implements WorldView {
  readonly time = new VirtualTime(worldBegins);
  readonly history: History;
  readonly network: Network;
  readonly nodes: readonly LabNode[];
  readonly store: SharedStore;
  readonly inner: Store;
  readonly checker: StepChecker;
  readonly keys: KeyChecker;
  readonly violations: Violation[] = [];
  readonly troubles: Trouble[] = [];
  readonly faults: Record<string, number> = {};
  readonly endpoints: Endpoint[];
  readonly scenario: Scenario;
  readonly plan: Plan;
  readonly db: Database;
  readonly operators: Operators;
  readonly #publisher: Publisher;
  readonly #attempts: AttemptChecker;
  readonly #disabling: DisableChecker;
  readonly #onProgress: (elapsed: number) => void;
  #healed = false;
  /** When the clock leapt, and until when a node may not have seen it. */
  readonly #leaps: { readonly node: LabNode; readonly at: number; readonly until: number }[] = [];
  /** The farthest ahead that nodes have believed. */
  #farthestSkew = 0;
  #believedLeapAt = Number.NEGATIVE_INFINITY;

  constructor(options: WorldOptions) {
    const { scenario, plan, traced } = options;
    this.scenario = scenario;
    this.plan = plan;
    this.#onProgress = options.onProgress ?? (() => {});
    this.history = new History(
      scenario.payments,
      scenario.endpoints.length,
      scenario.check === 'every_step',
      traced,
    );
    this.network = new Network(scenario, plan);
    this.nodes = Array.from(
      { length: scenario.nodes },
      (_, index) => new LabNode(`node-${index + 1}`, index, this.time),
    );
    this.db = new Database(':memory:');
    // A world lives in memory, and no crash of the machine is simulated: nothing would read a journal.
    this.db.raw.exec('PRAGMA synchronous = OFF');
    migrate(this.db.raw);
    this.inner = createSqliteStore(this.db);
    this.keys = new KeyChecker(
      this.db,
      scenario.endpoints.some(({ on_dead: onDead }) => onDead === 'block'),
    );
    this.checker = this.#createChecker();
    this.store = this.#createStore(options.mutant);
    const random = new SeededRandom(plan.seed, 'endpoints');
    this.endpoints = scenario.endpoints.map((endpoint, index) => toEndpoint(endpoint, index, random));
    this.operators = new Operators(this, this.store, this.inner);
    this.#publisher = new Publisher(this);
    this.#attempts = new AttemptChecker(this);
    this.#disabling = new DisableChecker({
      report: (message) => this.found('disabled', message),
      count: () => this.count('disabled'),
      elapsed: () => this.time.elapsed,
    });
  }

  #createChecker(): StepChecker {
    return new StepChecker({
      keys: this.keys,
      db: this.db,
      watch: this.scenario.check === 'every_step',
      time: this.time,
      report: (violation) => this.report(violation),
      sharedClock: this.scenario.nodes > 1,
      timeoutOf: (num) => this.endpoints[num - 1]?.timeoutMs ?? 0,
      clocks: {
        now: () => this.clockNow,
        isUnsteady: (node) => this.isUnsteady(node),
        isSettling: () => this.#leaps.some(({ until }) => until + settlingMs >= this.time.elapsed),
        hasBelievedLeapSince: (elapsed) => this.#believedLeapAt >= elapsed,
      },
      retention: this.#retention,
    });
  }

  #createStore(mutant: Mutant | undefined): SharedStore {
    return new SharedStore({
      inner: this.inner,
      time: this.time,
      scenario: this.scenario,
      seed: this.plan.seed,
      onStep: (step) => this.#onStep(step),
      onFailure: (node, name) => {
        if (name === 'settle') this.#trouble(node, 'store_failed', 60_000);
      },
      ...(mutant === undefined
        ? {}
        : {
            wrap: (store, node, incarnation) => ({
              ...store,
              write: {
                ...store.write,
                ...mutant({
                  store,
                  db: this.db,
                  pause: (ms) => new Promise((resolve) => node.later(incarnation, ms, resolve)),
                  now: () => this.clockNow,
                  retention: this.#retention,
                }),
              },
            }),
          }),
    });
  }

  get #retention(): Retention {
    const { retention_hours: hours } = this.scenario;
    return hours === undefined ? defaultRetention : { ...defaultRetention, settledMs: hours * hourMs };
  }

  get clockNow(): number {
    const wrong = this.scenario.nodes > 1 ? this.store.skew : this.nodes[0]!.skew;
    return Math.floor(this.time.now + wrong);
  }

  isUnsteady(node: LabNode): boolean {
    const { elapsed } = this.time;
    return this.#leaps.some((leap) => leap.node === node && leap.at <= elapsed && leap.until >= elapsed);
  }

  get deleted(): ReadonlySet<number> {
    return this.operators.deleted;
  }

  found(invariant: Invariant, message: string): void {
    this.report({ invariant, at: this.time.elapsed, message });
  }

  note(line: () => string): void {
    this.history.note(this.time.elapsed, line);
  }

  report(violation: Violation): void {
    if (this.violations.length < maxViolations) this.violations.push(violation);
    this.history.note(violation.at, () => `VIOLATION ${violation.invariant}: ${violation.message}`);
  }

  /** So much is wrong already that going on shows nothing more; or time has nearly come to a stand. */
  get #hopeless(): boolean {
    const { fired, elapsed } = this.time;
    const standing = fired > maxFired + (elapsed / 1000) * maxFiredPerS;
    if (standing && this.violations.length === 0)
      this.found('liveness', 'the nodes do more and more, and time hardly passes');
    return standing || this.violations.length >= maxViolations;
  }

  /** The time of trouble, then the time of rest; ends when nothing is pending or the patience is over. */
  async run(): Promise<void> {
    const { scenario, plan } = this;
    for (const endpoint of this.endpoints) await this.inner.write.createEndpoint(endpoint);
    for (const node of this.nodes) this.#start(node);
    this.#publisher.start();
    for (const fault of plan.nodeFaults) this.time.after(fault.at, () => this.#nodeFault(fault));
    for (const operation of plan.operations) this.operators.plan(operation, () => this.#healed);
    const trouble = worldBegins + scenario.hours * 3_600_000;
    for (let hour = 1; ; hour++) {
      const until = Math.min(trouble, worldBegins + hour * 3_600_000);
      await this.time.run(until, () => this.#hopeless);
      this.#everyHour();
      if (until === trouble || this.#hopeless) break;
    }
    this.#heal();
    const end = trouble + scenario.drain_hours * 3_600_000;
    let quiet = false;
    const look = (): void => {
      quiet = this.#publisher.open === 0 && this.#pending() === 0;
      if (quiet) return;
      this.operators.freeKeys();
      this.time.after(5000, look);
    };
    this.time.after(5000, look);
    while (!quiet && !this.#hopeless && this.time.now < end) {
      await this.time.run(Math.min(end, this.time.now + 3_600_000), () => quiet || this.#hopeless);
      this.#everyHour();
    }
    for (const node of this.nodes) {
      const { engine } = node;
      if (engine === null) continue;
      let stopped = false;
      void engine.stop(60_000).then(() => (stopped = true));
      await this.time.run(this.time.now + 120_000, () => stopped);
    }
  }

  /** Every delivery as it ended, those that retention took away among them. */
  async finals(): Promise<FinalDelivery[]> {
    const all: FinalDelivery[] = this.checker.gone.map(({ number, eventId, endpoint, state }) => ({
      id: deliveryId(number),
      eventId,
      endpoint: endpoint - 1,
      state: deliveryStates[state]!,
    }));
    let before: number | null = null;
    for (;;) {
      const page = await this.inner.read.deliveries({}, { after: before, limit: 1000 });
      for (const { number, eventId, endpointId, state } of page)
        all.push({
          id: deliveryId(number),
          eventId,
          endpoint: this.endpoints.findIndex(({ id }) => id === endpointId),
          state,
        });
      if (page.length < 1000) return all;
      before = page.at(-1)!.number;
    }
  }

  /** How many delivered rows were late, counted from rows and their endpoints' settings. */
  lateRows(): number {
    const rows = this.db.all('SELECT endpoint, settled_at - created_at FROM deliveries WHERE state = 1');
    return rows.filter(
      ([endpoint, took]) => (took as number) > this.endpoints[(endpoint as number) - 1]!.deliverWithinMs,
    ).length;
  }

  close(): void {
    this.db.close();
  }

  // ------------------------------------------------------------ nodes

  #start(node: LabNode): void {
    const { scenario, plan } = this;
    node.die();
    const incarnation = ++node.incarnation;
    node.up = true;
    const many = scenario.nodes > 1;
    const clock = nodeClock(node.clock(incarnation));
    const engine = createEngine({
      store: this.store.of(node, incarnation),
      transport: labTransport(
        {
          time: this.time,
          network: this.network,
          history: this.history,
          immortal: plan.nodeFaults.length === 0,
          onAttempt: (...attempt) => this.#attempts.begins(...attempt),
          check: (request, endpoint) => this.#attempts.signature(request, endpoint),
        },
        node,
        incarnation,
      ),
      clock,
      random: new SeededRandom(plan.seed, `${node.name}/${incarnation}`),
      keyring: plainKeyring,
      logger: this.#logger(node),
      node: node.name,
      version: 'lab',
      retention: this.#retention,
      ...(many
        ? {
            hints: this.store.hints(node, incarnation),
          }
        : {}),
    });
    node.engine = engine;
    engine.start().catch((error: unknown) => {
      // As a supervisor would: a node that cannot start is started again.
      if (error instanceof UnavailableError) node.later(incarnation, 1000, () => this.#start(node));
      else this.found('defect', `${node.name} cannot start: ${String(error)}`);
    });
    this.note(() => `${node.name} starts`);
    // An application around it uses it at once, started or not.
    if (drawnAt(plan.seed + 62, node.index, incarnation, 0) < 0.5)
      node.later(incarnation, 0.5, () => {
        for (const { id } of this.endpoints) void this.operators.tellOf(node, id);
      });
  }

  #nodeFault(fault: NodeFault): void {
    if (this.#healed) return;
    const node = this.nodes[fault.node]!;
    const { kind, forMs, byMs } = fault;
    if (kind === 'clock_jump') {
      this.count('clock_jump');
      node.skew += byMs;
      // A node that shares its store's clock is put right by its next heartbeat; an embedded one stays as wrong as it is.
      this.#trouble(node, 'clock_jumped', this.scenario.nodes > 1 ? 10_000 : Math.abs(byMs) + 120_000);
      this.note(() => `the clock of ${node.name} jumps by ${Math.round(byMs / 1000)} s`);
      return;
    }
    if (kind === 'clock_leap') {
      this.count(kind);
      this.#leap(node, byMs);
      return;
    }
    if (!node.up || node.frozenUntil !== null) return;
    this.count(kind);
    if (kind === 'freeze') {
      node.frozenUntil = this.time.now + forMs;
      // It may not have seen the last leap yet, and then does so when it thaws.
      if (this.isUnsteady(node)) this.#unsettle(node, forMs + unsteadyMs);
      this.#trouble(node, 'node_froze', forMs + 60_000);
      this.note(() => `${node.name} freezes for ${Math.round(forMs / 1000)} s`);
      const { incarnation } = node;
      this.time.after(forMs, () => {
        if (node.incarnation !== incarnation || node.frozenUntil === null) return;
        node.thaw();
        this.note(() => `${node.name} thaws`);
      });
      return;
    }
    this.#trouble(node, 'node_died', forMs + 60_000);
    if (kind === 'crash') {
      this.note(() => `${node.name} is killed`);
      node.die();
      this.time.after(forMs, () => {
        if (!node.up) this.#start(node);
      });
      return;
    }
    this.note(() => `${node.name} is stopped in good order`);
    const { incarnation } = node;
    const stoppedAt = this.time.elapsed;
    void node.engine!.stop(graceMs).then(() => {
      if (node.incarnation !== incarnation) return;
      this.#stopped(node, stoppedAt);
      node.die();
      this.time.after(forMs, () => {
        if (!node.up) this.#start(node);
      });
    });
  }

  /** A stop ends within its grace time, whatever is in flight; a process that was frozen meanwhile is excused. */
  #stopped(node: LabNode, since: number): void {
    const took = this.time.elapsed - since;
    const froze = this.troubles.some(
      (one) => one.node === node.name && one.kind === 'node_froze' && one.until >= since,
    );
    if (took > graceMs + afterGraceMs && !froze)
      this.found(
        'liveness',
        `${node.name} took ${Math.round(took / 1000)} s to stop, with ${graceMs / 1000} s of grace`,
      );
  }

  /** The clock that counts leaps: while nodes run, freeze or are down. */
  #leap(node: LabNode, byMs: number): void {
    const many = this.scenario.nodes > 1;
    if (many) this.store.skew += byMs;
    else node.skew += byMs;
    const { elapsed } = this.time;
    // A machine that slept for hours, and a process that was down, leap as a wrong clock does.
    const skew = many ? this.store.skew : node.skew;
    // Also one that comes back from far behind, and goes further than it ever was by less than a day.
    const overshoot = skew - this.#farthestSkew;
    const isBelieved =
      (overshoot > 0 && overshoot <= dayMs) ||
      (byMs > 0 && (byMs <= dayMs || this.nodes.every(({ up }) => !up))) ||
      // A start after it looks like one after a long stop.
      (!many && skew > 0 && skew <= 120 * dayMs);
    if (isBelieved) this.#farthestSkew = Math.max(this.#farthestSkew, skew);
    for (const one of this.nodes) {
      const frozenMs = one.frozenUntil === null ? 0 : one.frozenUntil - this.time.now;
      // What is stamped before a node has seen it grows older by it, too.
      if (isBelieved) this.#believedLeapAt = Math.max(this.#believedLeapAt, elapsed + frozenMs + unsteadyMs);
      this.#unsettle(one, frozenMs + unsteadyMs);
    }
    this.note(
      () =>
        `the clock ${many ? 'of the store' : `of ${node.name}`} leaps by ${Math.round(byMs / 3_600_000)} h`,
    );
  }

  /** For so long this node may go by the time of before a leap. */
  #unsettle(node: LabNode, forMs: number): void {
    const { elapsed } = this.time;
    this.#leaps.push({ node, at: elapsed, until: elapsed + forMs });
    this.#trouble(node, 'clock_jumped', forMs);
  }

  #heal(): void {
    this.#healed = true;
    this.network.healed = true;
    this.store.healed = true;
    this.note(() => 'all faults end');
    const wrong = this.clockNow - Math.floor(this.time.now);
    if (this.scenario.node_faults.clock_leap_per_hour > 0 && wrong !== 0) this.#leap(this.nodes[0]!, -wrong);
    for (const node of this.nodes) {
      if (!node.up) this.#start(node);
      else if (node.frozenUntil !== null) node.thaw();
    }
    for (const [index, endpoint] of this.endpoints.entries()) {
      if (!this.deleted.has(index)) void this.operators.setEnabled(endpoint.id, true);
    }
  }

  #logger(node: LabNode): Logger {
    const quiet = (): void => {};
    return {
      debug: quiet,
      info: quiet,
      warn: quiet,
      error: (fields, message) => {
        if (fields['code'] === 'request_failed' || fields['code'] === 'settle_failed')
          this.found('defect', `${node.name}: ${message}: ${JSON.stringify(fields)}`);
      },
    };
  }

  #trouble(node: LabNode, kind: Trouble['kind'], forMs: number): void {
    this.troubles.push({ node: node.name, kind, at: this.time.elapsed, until: this.time.elapsed + forMs });
  }

  // ------------------------------------------------------------ checks

  #onStep(step: Step): void {
    if (this.history.lines !== null && !changedNothing(step)) this.note(() => describe(step));
    if (this.scenario.check === 'every_step') this.checker.after(step);
    this.#disabling.after(step);
  }

  #everyHour(): void {
    this.#onProgress(this.time.elapsed);
    for (const node of this.nodes) {
      if (node.engine === null || node.frozenUntil !== null) continue;
      const { buffered, inFlight, lanes } = node.engine.status();
      const most = this.scenario.endpoints.reduce(
        (sum, { max_in_flight: one }) => sum + (one ?? 512) + 512,
        0,
      );
      if (buffered + inFlight > most * 2)
        this.found('memory', `${node.name} holds ${buffered + inFlight} deliveries in ${lanes} lanes (G8)`);
    }
  }

  #pending(): number {
    return this.db.get('SELECT count(*) FROM deliveries WHERE state = 0')![0] as number;
  }

  count(fault: string): void {
    this.faults[fault] = (this.faults[fault] ?? 0) + 1;
  }
}
