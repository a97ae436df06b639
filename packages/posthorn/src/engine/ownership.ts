import { ownedShards } from '../domain/shard.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Hints, Nodes } from '../store/store.ts';

const beatMs = 1000;
/** Hints may be lost, so every so often each node looks by itself for what is due. */
const lookMs = 5000;
/**
 * An answer that was longer on its way (a slow store, a process that was frozen) says what the time was, not what it
 * is. Found by the lab: a node that thawed put its clock back by as long as it had been frozen, for a second.
 */
const freshMs = 3000;
const firstBeatsMost = 10;

export interface OwnershipOptions {
  readonly store: Nodes;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly node: string;
  readonly hints: Hints | null;
  /** The store's time, where it has one: with it every node's clock is put right. */
  readonly onTime: (storeNow: number) => void;
  readonly onShards: (shards: readonly number[]) => void;
  /** Endpoints have changed somewhere else. */
  readonly onConfig: () => Promise<void>;
  readonly onDead: (node: string) => Promise<void>;
  /** Time to look for what is due. */
  readonly onLook: () => Promise<void>;
  readonly onDue: (endpointIds: readonly string[]) => void;
  /** Whether the store answers heartbeats. */
  readonly onHealth: (answers: boolean) => void;
}

export interface Ownership {
  /** The first beat, after which this node's shards are known. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Heartbeats, and from them who owns which shard. Only an optimisation: two nodes that both think they own a shard
 * pass over what the other has locked, and fences keep the rest (G2, G3).
 */
export function createOwnership(options: OwnershipOptions): Ownership {
  const { store, clock, logger, node, hints } = options;
  let stopped = false;
  let cancel = (): void => {};
  let beating: Promise<void> | null = null;
  let nodes = '';
  let configVersion = -1;
  let lastLook = Number.NEGATIVE_INFINITY;
  let away = false;
  // A store with one owner has no clock of its own, and one beat is enough: nobody comes, goes or changes anything.
  let shared = true;
  // Whether the clock was ever set, and whether the last answer was quick enough to set it by.
  let timed = false;
  let fresh = false;
  let answeredAt: number | null = null;

  const beat = async (): Promise<void> => {
    const asked = clock.monotonic();
    const answer = await store.beat(node, answeredAt === null ? null : asked - answeredAt);
    answeredAt = clock.monotonic();
    shared = answer.now !== null;
    fresh = clock.monotonic() - asked <= freshMs;
    if (answer.now !== null && (fresh || !timed)) {
      options.onTime(answer.now);
      timed = true;
    }
    const living = answer.nodes.join(' ');
    const changed = living !== nodes;
    if (changed) {
      nodes = living;
      const shards = ownedShards(answer.nodes, node);
      logger.info(
        { nodes: answer.nodes.length, shards: shards.length },
        'this node owns its part of the shards',
      );
      options.onShards(shards);
    }
    for (const dead of answer.dead) {
      logger.warn({ node: dead }, 'a node is dead: its claims are due now');
      await options.onDead(dead);
    }
    if (configVersion !== answer.configVersion) {
      if (configVersion >= 0) await options.onConfig();
      configVersion = answer.configVersion;
    }
    if (changed || away || clock.monotonic() - lastLook >= lookMs) {
      lastLook = clock.monotonic();
      await options.onLook();
    }
    away = false;
    options.onHealth(true);
  };
  const round = async (): Promise<void> => {
    cancel();
    hints?.look();
    try {
      beating = beat();
      await beating;
    } catch (error) {
      if (!away)
        logger.error({ error: (error as Error).message }, 'no heartbeat: the store is away; trying again');
      away = true;
      options.onHealth(false);
    } finally {
      beating = null;
    }
    if (!stopped) cancel = clock.after(beatMs, () => void round());
  };

  return {
    start: async () => {
      await beat();
      if (!shared) return;
      for (let again = 0; !fresh && again < firstBeatsMost; again++) {
        timed = false;
        await beat();
      }
      hints?.look();
      hints?.onDue(options.onDue);
      hints?.onConfig(() => {
        if (!stopped && beating === null) void round();
      });
      cancel = clock.after(beatMs, () => void round());
    },
    stop: async () => {
      stopped = true;
      cancel();
      await (beating as Promise<void> | null)?.catch(() => {});
      await store.leave(node).catch(() => {});
    },
  };
}
