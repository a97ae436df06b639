import { type ClusterRole, isCoordinator, shardCount } from '../domain/shard.ts';

/** The shards that this node owns, as of its last heartbeat; none before the first. */
export class OwnedShards implements ClusterRole {
  #numbers: readonly number[] = [];

  get numbers(): readonly number[] {
    return this.#numbers;
  }

  set(numbers: readonly number[]): void {
    this.#numbers = numbers;
  }

  get isCoordinator(): boolean {
    return isCoordinator(this.#numbers);
  }

  /** Whether no other node is alive. */
  get isAlone(): boolean {
    return this.#numbers.length === shardCount;
  }
}
