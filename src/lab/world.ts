import type { Endpoint } from '../domain/endpoint.ts';
import { UnavailableError } from '../domain/errors.ts';
import type { NewEvent } from '../domain/event.ts';
import { deliveryStates } from '../domain/delivery.ts';
import { deliveryId, eventShard, shardOfNumber } from '../domain/ids.ts';
import { defaultRetryPolicy } from '../domain/retry-policy.ts';
import { hashShard } from '../domain/shard.ts';
import { createEngine } from '../engine/engine.ts';
import { correctedClock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { newSecret, parseSecret, sign } from '../signing/standard-webhooks.ts';
import type { Store } from '../store/store.ts';
import { Database } from '../store/sqlite/database.ts';
import { migrate } from '../store/sqlite/schema.ts';
import { createSqliteStore } from '../store/sqlite/sqlite-store.ts';
import type { OutboundRequest } from '../transport/transport.ts';
import { History } from './history.ts';
import type { FinalDelivery, Trouble } from './judge.ts';
import { Network } from './network.ts';
import { LabNode } from './node.ts';
import { eventIdOf, type NodeFault, type Operation, type Plan } from './plan.ts';
import type { LabEndpoint, Scenario } from './scenario.ts';
import { drawnAt, SeededRandom } from './seeded-random.ts';
import { SharedStore, type Step } from './shared-store.ts';
import { StepChecker, type Violation } from './step-checker.ts';
import { endpointUrl, labTransport } from './transport.ts';
import { VirtualTime, worldBegins } from './virtual-time.ts';

const tenant = 'lab';
/** A publisher that hears nothing for so long asks again, another node. */
const publishPatienceMs = 10_000;
const violationsMost = 50;

/** What a mutant gets hold of, to work around a guard. */
export interface MutantAccess {
  readonly store: Store;
  readonly db: Database;
  /** Waits in this life of the node; never comes back where the node dies. */
  readonly pause: (ms: number) => Promise<void>;
  /** Tells the checkers nothing; only the time of the world. */
  readonly now: () => number;
}
export type Mutant = (access: MutantAccess) => Store;

export interface WorldOptions {
  readonly scenario: Scenario;
  readonly plan: Plan;
  /** Keeps readable lines of everything that happens. */
  readonly traced: boolean;
  readonly mutant?: Mutant;
  readonly onProgress?: (elapsed: number) => void;
}

/** Posthorn's own engine and store in a simulated world: nodes, publishers, people, network and receivers. */
export class World {
  readonly time = new VirtualTime();
  readonly history: History;
  readonly network: Network;
  readonly nodes: readonly LabNode[];
  readonly store: SharedStore;
  readonly inner: Store;
  readonly checker: StepChecker;
  readonly violations: Violation[] = [];
  readonly troubles: Trouble[] = [];
  /** Payments that people have replayed or redriven. */
  readonly touched = new Set<number>();
  readonly faults: Record<string, number> = {};
  readonly endpoints: Endpoint[];
  readonly #db: Database;
  readonly #o: WorldOptions;
  /** From when on it is deleted, by endpoint. */
  readonly #deleted = new Set<number>();
  #publishing = 0;
  #healed = false;

  constructor(options: WorldOptions) {
    const { scenario, plan, traced } = options;
    this.#o = options;
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
    this.#db = new Database(':memory:');
    // A world lives in memory, and no crash of the machine is simulated: nothing would read a journal.
    this.#db.raw.exec('PRAGMA synchronous = OFF');
    migrate(this.#db.raw);
    this.inner = createSqliteStore(this.#db);
    this.checker = new StepChecker({
      db: this.#db,
      watch: scenario.check === 'every_step',
      time: this.time,
      report: (violation) => this.report(violation),
      sharedClock: scenario.nodes > 1,
      timeoutOf: (num) => this.endpoints[num - 1]?.timeoutMs ?? 0,
    });
    const { mutant } = options;
    this.store = new SharedStore({
      inner: this.inner,
      time: this.time,
      scenario,
      seed: plan.seed,
      onStep: (step) => this.#onStep(step),
      onFailure: (node, name) => {
        if (name === 'settle') this.#trouble(node, 'store_failed', 60_000);
      },
      ...(mutant === undefined
        ? {}
        : {
            wrap: (store, node, life) =>
              mutant({
                store,
                db: this.#db,
                pause: (ms) => new Promise((resolve) => node.later(life, ms, resolve)),
                now: () => Math.floor(this.time.now),
              }),
          }),
    });
    const random = new SeededRandom(plan.seed, 'endpoints');
    this.endpoints = scenario.endpoints.map((endpoint, index) => endpointOf(endpoint, index, random));
  }

  report(violation: Violation): void {
    if (this.violations.length < violationsMost) this.violations.push(violation);
    this.history.note(violation.at, () => `VIOLATION ${violation.invariant}: ${violation.words}`);
  }

  /** The time of trouble, then the time of rest; ends when nothing is pending or the patience is over. */
  async run(): Promise<void> {
    const { scenario, plan } = this.#o;
    for (const endpoint of this.endpoints) await this.inner.createEndpoint(endpoint);
    for (const node of this.nodes) this.#start(node);
    this.#schedulePayments();
    for (const fault of plan.nodeFaults) this.time.after(fault.at, () => this.#nodeFault(fault));
    for (const operation of plan.operations)
      this.time.after(
        operation.at,
        () => void this.#operate(operation).catch((error: Error) => this.#people(error)),
      );
    const trouble = worldBegins + scenario.hours * 3_600_000;
    for (let hour = 1; ; hour++) {
      const until = Math.min(trouble, worldBegins + hour * 3_600_000);
      await this.time.run(until, () => false);
      this.#everyHour();
      if (until === trouble) break;
    }
    this.#heal();
    const end = trouble + scenario.drain_hours * 3_600_000;
    let quiet = false;
    const look = (): void => {
      quiet = this.#publishing === 0 && this.#pending() === 0;
      if (!quiet) this.time.after(5000, look);
    };
    this.time.after(5000, look);
    while (!quiet && this.time.now < end) {
      await this.time.run(Math.min(end, this.time.now + 3_600_000), () => quiet);
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
      const page = await this.inner.deliveries({}, { before, limit: 1000 });
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
    const rows = this.#db.all('SELECT endpoint, settled_at - created_at FROM deliveries WHERE state = 1');
    return rows.filter(
      ([endpoint, took]) => (took as number) > this.endpoints[(endpoint as number) - 1]!.deliverWithinMs,
    ).length;
  }

  close(): void {
    this.#db.close();
  }

  // ------------------------------------------------------------ nodes

  #start(node: LabNode): void {
    const { scenario, plan } = this.#o;
    node.die();
    const life = ++node.life;
    node.up = true;
    const many = scenario.nodes > 1;
    const base = node.clock(life);
    const clock = many ? correctedClock(base) : base;
    const retention = scenario.retention_hours;
    const engine = createEngine({
      store: this.store.of(node, life),
      transport: labTransport(
        {
          time: this.time,
          network: this.network,
          history: this.history,
          immortal: plan.nodeFaults.length === 0,
          onAttempt: (delivery, claim, endsAt, by) => this.#onAttempt(delivery, claim, endsAt, by),
          check: (request, endpoint) => this.#checkSignature(request, endpoint),
        },
        node,
        life,
      ),
      clock,
      random: new SeededRandom(plan.seed, `${node.name}/${life}`),
      logger: this.#logger(node),
      node: node.name,
      version: 'lab',
      ...(retention === undefined
        ? {}
        : { retention: { settledMs: retention * 3_600_000, deadMs: 90 * 86_400_000 } }),
      ...(many
        ? {
            hints: this.store.hints(node, life),
            setTime: (now: number) => (clock as ReturnType<typeof correctedClock>).setTime(now),
          }
        : {}),
    });
    node.engine = engine;
    const begin = (): void => {
      engine.start().catch((error: unknown) => {
        // As a supervisor would: a node that cannot start is started again.
        if (error instanceof UnavailableError) node.later(life, 1000, () => this.#start(node));
        else
          this.report({
            invariant: 'defect',
            at: this.time.elapsed,
            words: `${node.name} cannot start: ${String(error)}`,
          });
      });
    };
    begin();
    this.history.note(this.time.elapsed, () => `${node.name} starts`);
  }

  #nodeFault(fault: NodeFault): void {
    if (this.#healed) return;
    const node = this.nodes[fault.node]!;
    const { kind, forMs, byMs } = fault;
    if (kind === 'clock_jump') {
      this.#count('clock_jump');
      node.skew += byMs;
      // A node that shares its store's clock is put right by its next heartbeat; an embedded one stays as wrong as it is.
      this.#trouble(node, 'clock_jumped', this.#o.scenario.nodes > 1 ? 10_000 : Math.abs(byMs) + 120_000);
      this.history.note(
        this.time.elapsed,
        () => `the clock of ${node.name} jumps by ${Math.round(byMs / 1000)} s`,
      );
      return;
    }
    if (!node.up || node.frozenUntil !== null) return;
    this.#count(kind);
    if (kind === 'freeze') {
      node.frozenUntil = this.time.now + forMs;
      this.#trouble(node, 'node_froze', forMs + 60_000);
      this.history.note(this.time.elapsed, () => `${node.name} freezes for ${Math.round(forMs / 1000)} s`);
      const { life } = node;
      this.time.after(forMs, () => {
        if (node.life !== life || node.frozenUntil === null) return;
        node.thaw();
        this.history.note(this.time.elapsed, () => `${node.name} thaws`);
      });
      return;
    }
    this.#trouble(node, 'node_died', forMs + 60_000);
    if (kind === 'crash') {
      this.history.note(this.time.elapsed, () => `${node.name} is killed`);
      node.die();
      this.time.after(forMs, () => {
        if (!node.up) this.#start(node);
      });
      return;
    }
    this.history.note(this.time.elapsed, () => `${node.name} is stopped in good order`);
    const { life } = node;
    void node.engine!.stop(5000).then(() => {
      if (node.life !== life) return;
      node.die();
      this.time.after(forMs, () => {
        if (!node.up) this.#start(node);
      });
    });
  }

  #heal(): void {
    this.#healed = true;
    this.network.healed = true;
    this.store.healed = true;
    this.history.note(this.time.elapsed, () => 'all faults end');
    for (const node of this.nodes) {
      if (!node.up) this.#start(node);
      else if (node.frozenUntil !== null) node.thaw();
    }
    for (const [index, endpoint] of this.endpoints.entries()) {
      if (!this.#deleted.has(index)) void this.#setEnabled(endpoint.id, true);
    }
  }

  #logger(node: LabNode): Logger {
    const quiet = (): void => {};
    return {
      debug: quiet,
      info: quiet,
      warn: quiet,
      error: (fields, message) => {
        if (/by a defect of ours|cannot be settled/.test(message))
          this.report({
            invariant: 'defect',
            at: this.time.elapsed,
            words: `${node.name}: ${message}: ${JSON.stringify(fields)}`,
          });
      },
    };
  }

  #trouble(node: LabNode, kind: Trouble['kind'], forMs: number): void {
    this.troubles.push({ node: node.name, kind, at: this.time.elapsed, until: this.time.elapsed + forMs });
  }

  // ------------------------------------------------------------ publishers

  #schedulePayments(): void {
    const { scenario, plan } = this.#o;
    const every = scenario.batch_every_s * 1000;
    const { paidAt, keep } = plan;
    let next = 0;
    // One batch is scheduled by the one before it: a million timers at once would only make the heap tall.
    const schedule = (): void => {
      if (next >= paidAt.length) return;
      const at = (Math.floor(paidAt[next]! / every) + 1) * every;
      const batch: number[] = [];
      while (next < paidAt.length && paidAt[next]! < at) {
        if (keep === null || keep.has(`p${next}`)) batch.push(next);
        next++;
      }
      this.time.after(at - this.time.elapsed, () => {
        if (batch.length > 0) this.#publish(batch, 0);
        schedule();
      });
    };
    schedule();
  }

  /** Hands a batch over until it is acknowledged, as a service with an outbox does: at one node, and at another. */
  #publish(batch: readonly number[], tries: number): void {
    const { seed } = this.#o.plan;
    if (tries === 0) this.#publishing++;
    const events = batch.map((payment) => this.#eventOf(payment));
    for (const payment of batch)
      if (this.history.published[payment] === 0) this.history.published[payment] = 1;
    const up = this.nodes.filter((node) => node.up && node.engine!.status().ready);
    const again = (ms: number): void => void this.time.after(ms, () => this.#publish(batch, tries + 1));
    if (up.length === 0) return again(500);
    const node = up[Math.floor(drawnAt(seed + 60, batch[0]!, tries, 0) * up.length)]!;
    const { life } = node;
    const wire = this.#o.scenario.nodes > 1 ? 1 + 4 * drawnAt(seed + 61, batch[0]!, tries, 0) : 0;
    let ended = false;
    const end = (fn: () => void): void => {
      if (ended) return;
      ended = true;
      fn();
    };
    const impatient = this.time.after(publishPatienceMs, () => end(() => again(100)));
    node.later(life, wire, () => {
      node.engine!.publish(events).then(
        (receipts) => {
          node.later(life, 0, () =>
            end(() => {
              impatient();
              this.#publishing--;
              for (const [index, { deliveries }] of receipts.entries())
                this.#acknowledged(batch[index]!, deliveries);
              this.history.note(
                this.time.elapsed,
                () =>
                  `${node.name} acknowledges ${batch.length === 1 ? `payment ${batch[0]}` : `payments ${batch[0]} to ${batch.at(-1)}`}`,
              );
            }),
          );
        },
        (error: unknown) => {
          node.later(life, 0, () =>
            end(() => {
              impatient();
              if (error instanceof UnavailableError) again(1000);
              else
                this.report({
                  invariant: 'defect',
                  at: this.time.elapsed,
                  words: `publishing failed: ${String(error)}`,
                });
            }),
          );
        },
      );
    });
  }

  /** The receipt is out: from now on nothing may take its deliveries away (G1). */
  #acknowledged(payment: number, deliveries: number): void {
    this.history.published[payment] = 2;
    this.history.promised[payment] = deliveries;
    if (this.#o.scenario.check !== 'every_step') return;
    const found = this.#db.get(
      'SELECT e.deliveries, (SELECT count(*) FROM deliveries d WHERE d.event_number = e.number) FROM events e WHERE e.id = ?',
      eventIdOf(payment),
    );
    const at = this.time.elapsed;
    if (found === undefined)
      this.report({
        invariant: 'promise',
        at,
        words: `payment ${payment} was acknowledged before it was stored (G1)`,
      });
    else if ((found[1] as number) < deliveries)
      this.report({
        invariant: 'promise',
        at,
        words: `payment ${payment} was acknowledged with ${deliveries} deliveries, and has ${found[1]}`,
      });
    const wanted = this.endpoints.length - this.#deleted.size;
    if (deliveries < wanted)
      this.report({
        invariant: 'promise',
        at,
        words: `payment ${payment} has ${deliveries} deliveries, and ${wanted} endpoints want it: a suppressed one is recorded too (G5)`,
      });
  }

  #eventOf(payment: number): NewEvent {
    const { plan, scenario } = this.#o;
    const id = eventIdOf(payment);
    const customer = plan.customers[payment]!;
    const key = customer < 0 ? null : `cus-${customer}`;
    const amount = plan.amounts[payment]!;
    const { currency } = scenario.value;
    return {
      id,
      callerId: true,
      shard: key === null ? eventShard(tenant, id) : hashShard(tenant, key),
      tenant,
      type: 'payment.succeeded',
      data: `{"payment_id":"${id}","amount_minor":${amount},"currency":"${currency}"}`,
      orderingKey: key,
      occurredAt: null,
      value: { amountMinor: BigInt(amount), currency },
    };
  }

  // ------------------------------------------------------------ people

  async #operate({ kind, pick, forMs, id }: Operation): Promise<void> {
    if (this.#healed) return;
    const up = this.nodes.filter(
      (node) => node.up && node.frozenUntil === null && node.engine!.status().ready,
    );
    if (up.length === 0) return;
    const node = up[Math.floor(pick * 997) % up.length]!;
    const store = this.store.of(node, node.life);
    const { engine } = node;
    const now = Math.floor(this.time.now);
    const endpoint = this.endpoints[Math.floor(pick * this.endpoints.length)]!;
    this.#count(kind);
    this.history.note(this.time.elapsed, () => `somebody does: ${kind} (${id})`);
    const wake = (endpointIds: readonly string[]): void => {
      engine!.wake(endpointIds);
      this.store.hint(node, endpointIds);
    };
    if (kind === 'redrive' || kind === 'cancel') {
      // Mostly what is not delivered: that is where people step in.
      const [row] = this.#db.all(
        `SELECT d.number, p.id, e.id FROM deliveries d JOIN endpoints p ON p.num = d.endpoint JOIN events e ON e.number = d.event_number
         WHERE d.state <> 1 ORDER BY d.number LIMIT 1 OFFSET ?`,
        Math.floor(
          pick * Math.max(1, this.#db.get('SELECT count(*) FROM deliveries WHERE state <> 1')![0] as number),
        ),
      );
      if (row === undefined) return;
      this.touched.add(Number((row[2] as string).slice(4)));
      if (kind === 'cancel') await store.cancelDelivery(row[0] as number, 'somebody said so', now);
      else if ((await store.redriveDelivery(row[0] as number, now)) === 'done') wake([row[1] as string]);
    } else if (kind === 'replay') {
      const sent = this.history.published.findLastIndex((state) => state === 2);
      if (sent < 0) return;
      const payment = Math.floor(pick * (sent + 1));
      if (this.history.published[payment] !== 2) return;
      this.touched.add(payment);
      await store.replayEvent(tenant, eventIdOf(payment), null, now);
      wake(this.endpoints.map(({ id: one }) => one));
    } else if (kind === 'bulk_redrive') {
      for (const [eventId] of this.#db.all(
        'SELECT DISTINCT e.id FROM deliveries d JOIN events e ON e.number = d.event_number WHERE d.state IN (2, 4)',
      ))
        this.touched.add(Number((eventId as string).slice(4)));
      await store.createRedrive({
        id: `rdr_${id}`,
        filter: {},
        ratePerS: pick < 0.5 ? null : 20,
        dryRun: false,
        now,
      });
      wake([]);
    } else if (kind === 'pause') {
      await this.#setEnabled(endpoint.id, false, node);
      this.time.after(
        forMs,
        () => void this.#setEnabled(endpoint.id, true).catch((error: Error) => this.#people(error)),
      );
    } else if (kind === 'change') {
      const changed = await store.updateEndpoint(endpoint.id, {
        maxInFlight: 1 + Math.floor(pick * 64),
        updatedAt: now,
      });
      if (changed !== null) engine!.endpointChanged(endpoint.id, changed);
    } else {
      const index = this.endpoints.indexOf(endpoint);
      // One endpoint at least stays.
      if (index === 0 || this.#deleted.has(index)) return;
      this.#deleted.add(index);
      await store.deleteEndpoint(endpoint.id, now);
      engine!.endpointChanged(endpoint.id, null);
    }
  }

  async #setEnabled(id: string, enabled: boolean, by?: LabNode): Promise<void> {
    const change = {
      enabled,
      pausedReason: enabled ? null : 'somebody said so',
      updatedAt: Math.floor(this.time.now),
    };
    const node = by ?? this.nodes.find(({ up, frozenUntil }) => up && frozenUntil === null);
    if (node === undefined) {
      this.time.after(1000, () => void this.#setEnabled(id, enabled));
      return;
    }
    const { life } = node;
    const changed = await this.inner.updateEndpoint(id, change);
    this.store.hint(node, 'config');
    if (changed !== null) node.later(life, 0, () => node.engine!.endpointChanged(id, changed));
  }

  /** What somebody did may fail as everything may: they will try again another day. */
  #people(error: Error): void {
    if (!(error instanceof UnavailableError))
      this.report({
        invariant: 'defect',
        at: this.time.elapsed,
        words: `an operation failed: ${error.stack ?? error.message}`,
      });
  }

  // ------------------------------------------------------------ checks

  readonly #flying = new Map<string, { claim: number; endsAt: number; node: LabNode; life: number }[]>();

  #onAttempt(delivery: string, claim: number, endsAt: number, node: LabNode): void {
    if (this.history.attempts === null) return;
    const now = this.time.elapsed;
    const flying = (this.#flying.get(delivery) ?? []).filter((one) => one.endsAt > now);
    for (const other of flying) {
      const lease = this.checker.leases.get(`${delivery}/${other.claim}`) ?? Number.POSITIVE_INFINITY;
      const excused =
        other.node.life !== other.life ||
        this.time.now >= lease - 1000 ||
        this.#troubled(other.node.name, now) ||
        this.#troubled(node.name, now);
      if (!excused || other.claim === claim)
        this.report({
          invariant: 'overlap',
          at: now,
          words: `${delivery}: attempt ${claim} begins while attempt ${other.claim} is in flight under its lease (G3)`,
        });
    }
    flying.push({ claim, endsAt, node, life: node.life });
    this.#flying.set(delivery, flying);
  }

  #troubled(node: string, at: number): boolean {
    return this.troubles.some((trouble) => trouble.node === node && trouble.at <= at && trouble.until >= at);
  }

  /** Small worlds check every signature, large ones one in a thousand: the engine signs all alike. */
  #checkSignature(request: OutboundRequest, endpoint: number): void {
    if (
      this.history.attempts === null &&
      drawnAt(this.#o.plan.seed + 70, this.time.fired, endpoint, 0) > 0.001
    )
      return;
    const of = (name: string): string => request.headers[request.headers.indexOf(name) + 1]!;
    const { secret } = this.endpoints[endpoint]!.secrets[0]!;
    const wanted = sign(
      [parseSecret(secret)],
      of('webhook-id'),
      Number(of('webhook-timestamp')),
      request.body,
    );
    if (of('webhook-signature') !== wanted)
      this.report({
        invariant: 'defect',
        at: this.time.elapsed,
        words: `${of('posthorn-delivery')} carries a wrong signature`,
      });
  }

  #onStep(step: Step): void {
    if (this.history.lines !== null && !changedNothing(step))
      this.history.note(this.time.elapsed, () => describe(step));
    if (this.#o.scenario.check === 'every_step') this.checker.after(step);
  }

  #everyHour(): void {
    this.#o.onProgress?.(this.time.elapsed);
    for (const node of this.nodes) {
      if (node.engine === null || node.frozenUntil !== null) continue;
      const { buffered, inFlight, lanes } = node.engine.status();
      const most = this.#o.scenario.endpoints.reduce(
        (sum, { max_in_flight: one }) => sum + Math.max(64, one) + 512,
        0,
      );
      if (buffered + inFlight > most * 2)
        this.report({
          invariant: 'memory',
          at: this.time.elapsed,
          words: `${node.name} holds ${buffered + inFlight} deliveries in ${lanes} lanes (G8)`,
        });
    }
  }

  #pending(): number {
    return this.#db.get('SELECT count(*) FROM deliveries WHERE state = 0')![0] as number;
  }

  #count(fault: string): void {
    this.faults[fault] = (this.faults[fault] ?? 0) + 1;
  }
}

function endpointOf(of: LabEndpoint, index: number, random: SeededRandom): Endpoint {
  return {
    id: `ep_lab${index}`,
    tenant,
    url: endpointUrl(index),
    eventTypes: ['*'],
    description: of.name,
    owner: null,
    template: null,
    secrets: [{ secret: newSecret(random), expiresAt: null }],
    headers: {},
    timeoutMs: of.timeout_s * 1000,
    maxInFlight: of.max_in_flight,
    rateLimitPerS: of.rate_limit_per_s,
    ordering: of.ordering,
    filter: null,
    retry:
      of.schedule_s === undefined
        ? defaultRetryPolicy
        : {
            ...defaultRetryPolicy,
            backoff: { kind: 'schedule', delaysMs: of.schedule_s.map((s) => s * 1000) },
          },
    deliverWithinMs: of.deliver_within_s * 1000,
    enabled: true,
    pausedReason: null,
    createdAt: worldBegins,
    updatedAt: worldBegins,
  };
}

/** Looking and finding nothing is most of what a quiet system does; it is left out of the account. */
function changedNothing({ name, answer }: Step): boolean {
  if (name === 'claim') return (answer as { deliveries: readonly unknown[] }).deliveries.length === 0;
  if (name === 'prune') return (answer as { deleted: number }).deleted === 0;
  return (name === 'cancelOrphans' || name === 'takeOver') && answer === 0;
}

function describe({ node, name, args, answer }: Step): string {
  const numbers = (list: readonly { number: number; claim: number }[]): string =>
    list.map(({ number, claim }) => `${Math.floor(number / 64)}.${shardOfNumber(number)}#${claim}`).join(' ');
  if (name === 'claim')
    return `${node.name} claims ${numbers((answer as { deliveries: [] }).deliveries) || 'nothing'}`;
  if (name === 'settle') {
    const applied = answer as boolean[];
    return `${node.name} settles ${(args[0] as { number: number; claim: number; state: string }[])
      .map((s, index) => `${numbers([s])} ${applied[index] === true ? s.state : 'superseded'}`)
      .join(', ')}`;
  }
  if (name === 'accept') {
    const { claimed, waiting } = answer as { claimed: readonly unknown[]; waiting: readonly string[] };
    return `${node.name} stores ${(args[0] as readonly (readonly unknown[])[]).flat().length} events (${claimed.length} claimed at once, ${waiting.length} endpoints wait)`;
  }
  if (name === 'updateEndpoint') {
    const { enabled, maxInFlight } = args[1] as { enabled?: boolean; maxInFlight?: number };
    return `${node.name} ${enabled === undefined ? `changes (max_in_flight ${maxInFlight})` : enabled ? 'resumes' : 'pauses'} ${String(args[0])}`;
  }
  return `${node.name}: ${name} → ${JSON.stringify(answer, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))?.slice(0, 160)}`;
}
