import { UnavailableError } from '../domain/errors.ts';
import { within } from '../runtime/within.ts';
import type { Rebase } from '../store/clockwork.ts';
import { createEngineParts, type EngineOptions, type EngineParts } from './engine-parts.ts';
import { endFutureSecrets } from './future-secrets.ts';
import type { ClusterListener } from './heartbeats.ts';
import type { Engine, EngineStatus, StopReport } from './port.ts';
import type { ClockListener } from './timekeeper.ts';

/** After the grace time, for giving back the claims of what is in flight. */
const releaseMs = 2000;

/** See ARCHITECTURE.md for the way of an event and of an outcome. */
export function createEngine(options: EngineOptions): Engine {
  return new NodeEngine(options);
}

/** Starts and stops what delivers on this node, and acts on what its clock and the other nodes do. */
class NodeEngine implements Engine, ClockListener, ClusterListener {
  readonly #o: EngineOptions;
  readonly #parts: EngineParts;
  #phase: 'new' | 'starting' | 'running' | 'stopped' = 'new';
  #isRunning = false;

  constructor(options: EngineOptions) {
    this.#o = options;
    this.#parts = createEngineParts(options, this);
  }

  get isCoordinator(): boolean {
    return this.#parts.shards.isCoordinator;
  }

  async start(): Promise<void> {
    if (this.#phase !== 'new') throw new Error('an engine starts once');
    this.#phase = 'starting';
    try {
      await this.#start();
    } catch (error) {
      // Nothing of it goes on by itself.
      await this.stop(0);
      throw error;
    }
  }

  async #start(): Promise<void> {
    const { store, clock, logger, node } = this.#o;
    const { heartbeats, timekeeper, endpoints, health, dispatcher, storeWatch, housekeeping } = this.#parts;
    await heartbeats.start();
    await timekeeper.start();
    this.#goOn();
    const taken = await store.write.takeOver(node, clock.now());
    if (taken > 0)
      logger.info(
        { code: 'claims_recovered', deliveries: taken },
        'recovered claims of a previous run: these deliveries are due now',
      );
    await endpoints.load();
    // What was broken or throttled in a previous run, or according to another node, begins slowly.
    await health.read();
    this.#goOn();
    this.#phase = 'running';
    this.#isRunning = true;
    dispatcher.begin();
    storeWatch?.start();
    housekeeping.start();
    await this.#findDue();
  }

  #goOn(): void {
    if (this.#phase === 'stopped') throw new UnavailableError('stopped while it was starting');
  }

  quiesce(): void {
    void this.#quiesce();
  }

  /** From here on nothing begins; what is accepted until intake is closed waits in the store. */
  #quiesce(): Promise<void> {
    this.#isRunning = false;
    this.#parts.storeHealth.stop();
    return this.#parts.dispatcher.stop();
  }

  async stop(graceMs: number): Promise<StopReport> {
    const { clock, logger } = this.#o;
    const { heartbeats, timekeeper, dispatcher, settler, intake, fanOut, redriver, notes } = this.#parts;
    const hasBegun = this.#phase !== 'new';
    this.#phase = 'stopped';
    this.#parts.housekeeping.stop();
    this.#parts.storeWatch?.stop();
    redriver.stop();
    const idle = this.#quiesce();
    const left = hasBegun ? heartbeats.stop() : null;
    const orderly = async (): Promise<void> => {
      await intake.close();
      await fanOut.stop();
      await timekeeper.stop();
      await idle;
      await Promise.all([settler.drained(), notes.stop(), left]);
    };
    if (await within(clock, graceMs, orderly())) return { cut: 0, released: true, unsettled: 0 };
    const cut = dispatcher.inFlight;
    intake.abandon();
    const released = await within(clock, releaseMs, dispatcher.cut());
    const unsettled = settler.abandon();
    logger.warn(
      { code: 'stop_cut', attempts: cut, released, unsettled },
      'the grace time is over: attempts in flight are cut and will be made again',
    );
    return { cut, released, unsettled };
  }

  publish: Engine['publish'] = (events, trace) => this.#parts.intake.publish(events, trace);

  wake(endpointIds: readonly string[]): void {
    this.#parts.dispatcher.wake(endpointIds);
    this.#parts.redriver.wake();
  }

  async clearThrottles(endpointIds: readonly string[]): Promise<void> {
    for (const id of endpointIds) await this.#parts.health.clearThrottle(id);
  }

  endpointChanged: Engine['endpointChanged'] = (id, endpoint) => this.#parts.endpoints.changed(id, endpoint);

  publicKeys: Engine['publicKeys'] = (set) => this.#parts.keySets.get(set);

  status(): EngineStatus {
    const { dispatcher, storeHealth, storeWatch, shards, timekeeper, sealWatch } = this.#parts;
    const fault = storeWatch?.fault ?? null;
    const answers = storeWatch?.answers ?? true;
    return {
      ready: this.#isRunning && storeHealth.isReady && fault === null && answers,
      storeFault: fault?.fault ?? null,
      inFlight: dispatcher.inFlight,
      buffered: dispatcher.buffered,
      lanes: dispatcher.lanes,
      throttled: dispatcher.throttled,
      shards: shards.numbers,
      clock: timekeeper.status,
      locked: sealWatch.locked,
    };
  }

  concurrency: Engine['concurrency'] = (endpointId) => this.#parts.dispatcher.concurrency(endpointId);

  // ---- what the clock does

  jumped(byMs: number): void {
    this.#parts.settler.move(byMs);
    this.#parts.dispatcher.move(byMs);
  }

  async rowsMoved({ now, byMs }: Rebase): Promise<void> {
    if (byMs < 0)
      for (const endpoint of await endFutureSecrets(this.#o.store, now))
        this.#parts.dispatcher.setEndpoint(endpoint.id, endpoint);
    await this.pollDue();
  }

  // ---- what the other nodes do

  storeTime(now: number): void {
    void this.#parts.timekeeper.compare(now);
  }

  shardsChanged(): void {
    this.#parts.dispatcher.own(this.#parts.shards.numbers);
  }

  async configChanged(): Promise<void> {
    await this.#o.onConfig?.();
    await this.#parts.endpoints.load();
    await this.#findDue();
  }

  async nodeDied(node: string): Promise<void> {
    await this.#o.store.write.takeOver(node, this.#o.clock.now());
    await this.#findDue();
  }

  async pollDue(): Promise<void> {
    if (this.#isRunning) await this.#findDue();
  }

  dueElsewhere(endpointIds: readonly string[]): void {
    this.#parts.dispatcher.wake(endpointIds);
    if (endpointIds.length === 0) this.#parts.redriver.wake();
  }

  /** Reads what is due, and what other nodes have learned. */
  async #findDue(): Promise<void> {
    const { health, dispatcher, shards, redriver, fanOut } = this.#parts;
    await health.read();
    for (const { endpointId, dueAt } of await this.#o.store.read.nextDue(shards.numbers))
      dispatcher.dueBy(endpointId, dueAt);
    redriver.wake();
    // Fan-outs of a node that died, and of a previous run of this one.
    if (shards.isCoordinator) fanOut.wake();
  }
}
