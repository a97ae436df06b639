import type { NumberBounds } from '../../domain/clock-record.ts';
import { shardCount } from '../../domain/shard.ts';
import type { Database } from './database.ts';
import { highestPruned } from './prune.ts';

/** The next numbers, counted in memory: this connection is the only writer. Gaps after a rollback are harmless. */
export class Sequences {
  #event: number;
  #delivery: number;

  constructor(db: Database) {
    // The largest number belongs to the largest sequence, because the shard is only its low six bits.
    const after = (table: 'events' | 'deliveries'): number => {
      const there = (db.get(`SELECT max(number) FROM ${table}`)?.[0] as number | null) ?? -1;
      const pruned = Number(
        db.get('SELECT value FROM settings WHERE name = ?', highestPruned(table))?.[0] ?? -1,
      );
      return Math.floor(Math.max(there, pruned) / shardCount) + 1;
    };
    this.#event = after('events');
    this.#delivery = after('deliveries');
  }

  nextEvent(): number {
    return this.#event++;
  }

  nextDelivery(): number {
    return this.#delivery++;
  }

  /** Every delivery that exists has a number below this. */
  get deliveryBound(): number {
    return this.#delivery * shardCount;
  }

  get bounds(): NumberBounds {
    return { events: this.#event * shardCount, deliveries: this.deliveryBound };
  }
}
