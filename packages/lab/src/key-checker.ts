import { deliveryId } from 'posthorn/domain';
import type { Database } from 'posthorn/sqlite';

/**
 * Ordering keys and dead letters, by queries of its own: at an endpoint where dead letters block, nothing of a key goes out
 * while an earlier delivery of it is dead, and no such dead letter is taken away.
 */
export class KeyChecker {
  readonly #db: Database;
  /** Whether any endpoint of the world blocks: else nothing is asked. */
  readonly #isNeeded: boolean;

  constructor(db: Database, isNeeded: boolean) {
    this.#db = db;
    this.#isNeeded = isNeeded;
  }

  /** Describes the dead letter that blocks this delivery; null if none does. */
  heldBy(number: number): string | null {
    if (!this.#isNeeded) return null;
    const row = this.#db.get(
      `SELECT max(b.number) FROM deliveries d CROSS JOIN deliveries b
       WHERE d.number = ? AND b.endpoint = d.endpoint AND b.order_key = d.order_key AND b.state + 0 = 2 AND b.number < d.number`,
      number,
    );
    const dead = row?.[0] as number | null | undefined;
    const endpoint = this.#db.get('SELECT endpoint FROM deliveries WHERE number = ?', number)?.[0];
    return dead === null || dead === undefined || !this.blocks(endpoint as number) ? null : deliveryId(dead);
  }

  /** Whether dead letters of this endpoint block their keys, as it is set now. */
  blocks(endpoint: number): boolean {
    if (!this.#isNeeded) return false;
    const [document] = this.#db.get(
      'SELECT document FROM endpoints WHERE num = ? AND deleted_at IS NULL',
      endpoint,
    ) ?? [null];
    if (document === null) return false;
    const { ordering, onDead } = JSON.parse(document as string) as { ordering: string; onDead: string };
    return ordering === 'key' && onDead === 'block';
  }
}
