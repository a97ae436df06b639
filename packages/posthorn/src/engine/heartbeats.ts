import { ownedShards } from '../domain/shard.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { type Repeated, repeat } from '../runtime/repeat.ts';
import type { Hints, NodeWrites } from '../store/store.ts';
import type { OwnedShards } from './owned-shards.ts';
import type { StoreHealth } from './store-health.ts';

const everyMs = 1000;
/** Hints may be lost, so every so often each node polls for what is due. */
const pollMs = 5000;
/**
 * An answer that was longer on its way (a slow store, a process that was frozen) says what the time was, not what it
 * is. Found by the lab: a node that thawed put its clock back by as long as it had been frozen, for a second.
 */
const freshMs = 3000;
const maxFirst = 10;

/** Acts on what heartbeats and hints say. Implemented by the engine. */
export interface ClusterListener {
  /** The store's time, if it has one: every node's clock is set by it. */
  storeTime(now: number): void;
  shardsChanged(): void;
  /** Something that was declared has changed on another node. */
  configChanged(): Promise<void>;
  nodeDied(node: string): Promise<void>;
  /** Time to poll for what is due. */
  pollDue(): Promise<void>;
  /** Another node has work for these endpoints; none: a redrive was begun or changed. */
  dueElsewhere(endpointIds: readonly string[]): void;
}

export interface HeartbeatsOptions {
  readonly store: NodeWrites;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly node: string;
  readonly hints: Hints | null;
  readonly shards: OwnedShards;
  readonly health: Pick<StoreHealth, 'report'>;
  readonly listener: ClusterListener;
}

/**
 * Heartbeats, and from them the owner of each shard. Ownership is only an optimization: two nodes that both think they own
 * a shard pass over what the other has locked, and fences keep the rest (G2, G3).
 */
export class Heartbeats {
  readonly #o: HeartbeatsOptions;
  #rounds: Repeated | null = null;
  #nodes = '';
  #configVersion = -1;
  #polledAt = Number.NEGATIVE_INFINITY;
  #isAway = false;
  #isNameShared = false;
  /** A store with one owner uses the clock of its process, and one heartbeat is enough: no node comes, leaves or changes anything. */
  #isShared = true;
  /** Whether the clock was ever set, and whether the last answer was quick enough to set it by. */
  #isTimed = false;
  #isFresh = false;
  #answeredAt: number | null = null;

  constructor(options: HeartbeatsOptions) {
    this.#o = options;
  }

  /** The first heartbeat, after which this node's shards are known. */
  async start(): Promise<void> {
    const { clock, hints, listener } = this.#o;
    await this.#send();
    if (!this.#isShared) return;
    for (let again = 0; !this.#isFresh && again < maxFirst; again++) {
      this.#isTimed = false;
      await this.#send();
    }
    hints?.look();
    this.#rounds = repeat(clock, () => this.#round(), {
      everyMs,
      onError: (error) => this.#failed(error),
    });
    hints?.onDue((endpointIds) => listener.dueElsewhere(endpointIds));
    hints?.onConfig(() => this.#rounds?.now());
  }

  async stop(): Promise<void> {
    await this.#rounds?.stop();
    await this.#o.store.leave(this.#o.node).catch(() => {});
  }

  async #round(): Promise<void> {
    this.#o.hints?.look();
    this.#checkName();
    await this.#send();
  }

  #checkName(): void {
    const { hints, logger, node } = this.#o;
    const isShared = hints?.isNameShared === true;
    if (isShared && !this.#isNameShared)
      logger.error(
        { code: 'node_name_shared', node },
        'another process has the name of this node: deliveries may be attempted twice; give each a name of its own',
      );
    this.#isNameShared = isShared;
  }

  #failed(error: Error): void {
    const { logger, health } = this.#o;
    if (!this.#isAway)
      logger.error(
        { code: 'heartbeat_failed', error: error.message },
        'heartbeat failed: the store is unreachable; trying again',
      );
    this.#isAway = true;
    health.report('heartbeats', false);
  }

  async #send(): Promise<void> {
    const { store, clock, node, listener, health } = this.#o;
    const asked = clock.monotonic();
    const answer = await store.heartbeat(node, this.#answeredAt === null ? null : asked - this.#answeredAt);
    this.#answeredAt = clock.monotonic();
    this.#isShared = answer.now !== null;
    this.#isFresh = clock.monotonic() - asked <= freshMs;
    if (answer.now !== null && (this.#isFresh || !this.#isTimed)) {
      listener.storeTime(answer.now);
      this.#isTimed = true;
    }
    const hasChanged = this.#take(answer.nodes);
    await this.#handleDead(answer.dead);
    if (this.#configVersion !== answer.configVersion) {
      if (this.#configVersion >= 0) await listener.configChanged();
      this.#configVersion = answer.configVersion;
    }
    if (hasChanged || this.#isAway || clock.monotonic() - this.#polledAt >= pollMs) {
      this.#polledAt = clock.monotonic();
      await listener.pollDue();
    }
    this.#isAway = false;
    health.report('heartbeats', true);
  }

  /** Takes the nodes that are alive. Returns whether they have changed. */
  #take(nodes: readonly string[]): boolean {
    const alive = nodes.join(' ');
    if (alive === this.#nodes) return false;
    this.#nodes = alive;
    const { logger, shards, node, listener } = this.#o;
    shards.set(ownedShards(nodes, node));
    logger.info(
      { code: 'shards_owned', nodes: nodes.length, shards: shards.numbers.length },
      'this node owns its part of the shards',
    );
    listener.shardsChanged();
    return true;
  }

  async #handleDead(dead: readonly string[]): Promise<void> {
    const { logger, listener } = this.#o;
    for (const node of dead) {
      logger.warn({ code: 'node_dead', node }, 'a node is dead: its claims are due now');
      await listener.nodeDied(node);
    }
  }
}
