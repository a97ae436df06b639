import { type Ages, UnavailableError } from 'posthorn/domain';
import {
  type AcceptOptions,
  aroundCalls,
  type Heartbeat,
  type FanOutRequest,
  type Hints,
  isLeap,
  type NodeRecord,
  type PruneRequest,
  refuseFormer,
  type Store,
  type StoreMethod,
} from 'posthorn/store';
import type { LabNode } from './node.ts';
import type { Scenario } from './scenario.ts';
import { drawnAt, hashText, type VirtualTime } from 'posthorn/runtime';

/** As long as on PostgreSQL: who has not been heard of for so long is dead. */
const deadAfterMs = 8000;
const hintLost = 0.1;
const fanOutLimit = 2;

/** A call that the store has just carried out. */
export interface Step {
  readonly node: LabNode;
  readonly name: StoreMethod;
  readonly args: readonly unknown[];
  readonly answer: unknown;
}

/** Only these change what the checkers read. */
const watched: { readonly [Method in StoreMethod]?: true } = {
  accept: true,
  claim: true,
  settle: true,
  release: true,
  bringForward: true,
  takeOver: true,
  prune: true,
  cancelOrphans: true,
  freeKeys: true,
  pauseFailing: true,
  updateEndpoint: true,
  deleteEndpoint: true,
  redriveDelivery: true,
  cancelDelivery: true,
  replayEvent: true,
  stepRedrive: true,
  stepFanOut: true,
  createRedrive: true,
  saveClock: true,
};

/**
 * The one store that all simulated nodes share, as they would a PostgreSQL: each call reaches it after a while, can
 * fail on the way there or on the way back, and goes on without its caller when that dies. Heartbeats and hints are
 * simulated, because the store underneath is the embedded one.
 */
export class SharedStore {
  readonly #inner: Store;
  readonly #time: VirtualTime;
  readonly #scenario: Scenario;
  readonly #seed: number;
  readonly #onStep: (step: Step) => void;
  readonly #onFailure: (node: LabNode, name: StoreMethod) => void;
  readonly #wrap: (store: Store, node: LabNode, incarnation: number) => Store;
  readonly #heartbeats = new Map<string, { startedAt: number; heartbeatAt: number }>();
  readonly #listeners = new Map<
    LabNode,
    { incarnation: number; due: (ids: readonly string[]) => void; config: () => void }
  >();
  readonly #plain: boolean;
  #configVersion = 1;
  readonly #lastHeartbeats = new Map<string, number>();
  /** How wrong the clock is that all nodes go by, ms. */
  skew = 0;
  readonly faults: Record<string, number> = {};
  healed = false;

  constructor(options: {
    inner: Store;
    time: VirtualTime;
    scenario: Scenario;
    seed: number;
    onStep: (step: Step) => void;
    /** A call that its caller believes to have failed. */
    onFailure: (node: LabNode, name: StoreMethod) => void;
    wrap?: (store: Store, node: LabNode, incarnation: number) => Store;
  }) {
    this.#inner = options.inner;
    this.#time = options.time;
    this.#scenario = options.scenario;
    this.#seed = options.seed;
    this.#onStep = options.onStep;
    this.#onFailure = options.onFailure;
    this.#wrap = options.wrap ?? ((store) => store);
    const { latency_ms: latency, slow, error, answer_lost: lost } = options.scenario.store;
    this.#plain = latency[1] === 0 && slow + error + lost === 0;
  }

  /** The store as one incarnation of one node sees it. */
  of(node: LabNode, incarnation: number): Store {
    const many = this.#scenario.nodes > 1;
    const inner = this.#wrap(
      many
        ? {
            ...this.#inner,
            write: {
              ...this.#inner.write,
              heartbeat: async (name, sinceMs) => this.#heartbeat(name, sinceMs),
              leave: async (name) => void this.#heartbeats.delete(name),
            },
            read: { ...this.#inner.read, nodes: async () => this.#nodes() },
          }
        : this.#inner,
      node,
      incarnation,
    );
    return aroundCalls(inner, (name, perform, args) => this.#call(perform, node, incarnation, name, args));
  }

  hints(node: LabNode, incarnation: number): Hints {
    const noop = (): void => {};
    const entry = { incarnation, due: noop as (ids: readonly string[]) => void, config: noop };
    this.#listeners.set(node, entry);
    return {
      onDue: (fn) => void (entry.due = fn),
      onConfig: (fn) => void (entry.config = fn),
      isNameShared: false,
      look: noop,
      stop: async () => {},
    };
  }

  /** Tells the other nodes that something is due, or that endpoints have changed; every tenth hint is lost. */
  hint(from: LabNode, endpointIds: readonly string[] | 'config'): void {
    if (endpointIds === 'config') this.#configVersion++;
    const moment = Math.floor(this.#time.elapsed * 16);
    for (const [node, { incarnation, due, config }] of this.#listeners) {
      if (
        node === from ||
        node.incarnation !== incarnation ||
        drawnAt(this.#seed + 40, node.index, moment, 0) < hintLost
      )
        continue;
      node.later(incarnation, 1 + 20 * drawnAt(this.#seed + 41, node.index, moment, 0), () =>
        endpointIds === 'config' ? config() : due(endpointIds),
      );
    }
  }

  /** Some requests get their deliveries in steps, and few in a step, so that much can happen between two. */
  #inSteps(node: LabNode, name: StoreMethod, args: unknown[]): unknown[] {
    const { in_steps: share } = this.#scenario.store;
    if (share === 0) return args;
    if (name === 'stepFanOut') return [{ ...(args[0] as FanOutRequest), limit: fanOutLimit }];
    const moment = Math.floor(this.#time.elapsed * 16);
    if (name !== 'accept' || drawnAt(this.#seed + 57, node.index, moment, 0) >= share) return args;
    this.#count('fan_out');
    return [args[0], { ...(args[1] as AcceptOptions), maxDirect: 0 }];
  }

  #call(
    carryOut: (...args: unknown[]) => Promise<unknown>,
    node: LabNode,
    incarnation: number,
    name: StoreMethod,
    given: unknown[],
  ): Promise<unknown> {
    const args = this.#inSteps(node, name, given);
    const perform = async (): Promise<unknown> => {
      this.#refuseFormer(name, args);
      const answer = await carryOut(...args);
      if (watched[name] === true) this.#onStep({ node, name, args, answer });
      if (name === 'accept') {
        const { waiting } = answer as { waiting: readonly string[] };
        if (waiting.length > 0) this.hint(node, waiting);
      }
      if (name === 'pauseFailing' && answer !== null) this.hint(node, 'config');
      if (name === 'updateEndpoint' || name === 'deleteEndpoint') this.hint(node, 'config');
      return answer;
    };
    if (this.#plain) return perform();
    // By moment and name, not by a count: taking something away elsewhere changes nothing here, so seeds can be shrunk.
    const moment = Math.floor(this.#time.elapsed * 16);
    const draw = (what: number): number => drawnAt(this.#seed + what, node.index, moment, hashText(name));
    const { latency_ms: latency, slow, slow_ms: slowMs, error, answer_lost: lost } = this.#scenario.store;
    const bad = !this.healed;
    let ms = latency[0] + (latency[1] - latency[0]) * draw(50);
    if (bad && draw(51) < slow) {
      ms += slowMs[0] + (slowMs[1] - slowMs[0]) * draw(52);
      this.#count('store_slow');
    }
    const there = ms * draw(53);
    return new Promise((resolve, reject) => {
      const back = (fn: () => void): void => void node.later(incarnation, ms - there, fn);
      const failing = bad && draw(54) < error;
      this.#time.after(there, () => {
        // A node that died meanwhile had sent its statement, or had not.
        if (node.incarnation !== incarnation && draw(55) < 0.5) return;
        if (failing) {
          this.#count('store_error');
          this.#onFailure(node, name);
          back(() => reject(new UnavailableError('the store is away (simulated)')));
          return;
        }
        perform().then(
          (answer) => {
            if (bad && draw(56) < lost) {
              this.#count('store_answer_lost');
              this.#onFailure(node, name);
              back(() => reject(new UnavailableError('the answer was lost (simulated)')));
            } else back(() => resolve(answer));
          },
          (thrown: unknown) => back(() => reject(thrown as Error)),
        );
      });
    });
  }

  /** As PostgreSQL's, whose clock this is. */
  #refuseFormer(name: StoreMethod, args: readonly unknown[]): void {
    const now = this.#time.now + this.skew;
    if (name === 'prune') refuseFormer((args[0] as PruneRequest).ages, now);
    else if (name === 'pruneKeyedRequests') refuseFormer(args[0] as Ages, now);
  }

  #count(fault: string): void {
    this.faults[fault] = (this.faults[fault] ?? 0) + 1;
  }

  /** Like PostgreSQL's: no node is dead because of a leap of the clock. */
  #heartbeat(name: string, sinceMs: number | null): Heartbeat {
    const now = Math.floor(this.#time.now + this.skew);
    const known = this.#heartbeats.get(name);
    this.#heartbeats.set(name, { startedAt: known?.startedAt ?? now, heartbeatAt: now });
    const before = this.#lastHeartbeats.get(name);
    this.#lastHeartbeats.set(name, now);
    const leapt = before !== undefined && isLeap(now - before, sinceMs);
    for (const [node, heartbeat] of this.#heartbeats)
      if ((leapt && heartbeat.heartbeatAt < now) || heartbeat.heartbeatAt > now + deadAfterMs)
        this.#heartbeats.set(node, { ...heartbeat, heartbeatAt: now });
    const dead = [...this.#heartbeats]
      .filter(([, { heartbeatAt }]) => heartbeatAt < now - deadAfterMs)
      .map(([node]) => node);
    for (const node of dead) this.#heartbeats.delete(node);
    return { now, nodes: [...this.#heartbeats.keys()].toSorted(), dead, configVersion: this.#configVersion };
  }

  #nodes(): NodeRecord[] {
    return [...this.#heartbeats].map(([node, times]) => ({ node, ...times }));
  }
}
