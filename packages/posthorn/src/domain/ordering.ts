/**
 * What a dead letter means to later deliveries of its ordering key at its endpoint. `skip`: they go on without it. `block`:
 * they are held until it is delivered after a redrive, or cancelled.
 */
export const onDeadChoices = ['skip', 'block'] as const;
export type OnDead = (typeof onDeadChoices)[number];

/** The settings of an endpoint. */
interface Ordered {
  readonly ordering: 'none' | 'key';
  readonly onDead: OnDead;
}

/**
 * How long a delivery that waits behind an earlier one of its key sleeps at least: its turn wakes it, so this counts only if nothing
 * did. With one second, queues of 12 keys with 1,000 each were written again each second, and three nodes delivered half as many.
 */
export const behindMs = 60_000;
/** How many one claim puts to sleep. */
export const maxDeferred = 2000;
/** How long a held delivery sleeps at most: it is woken when its key is free, and looked at again after this in any case (G2). */
export const heldMs = 3_600_000;

/** Whether dead letters of this endpoint hold later deliveries of their keys. */
export function blocksKeys({ ordering, onDead }: Ordered): boolean {
  return ordering === 'key' && onDead === 'block';
}

/** What waits at an endpoint that need not wait after a change: keys behind dead letters, or everything behind an earlier one. */
export function freedBy(before: Ordered, after: Ordered): 'blocked_keys' | 'all_keys' | null {
  if (before.ordering === 'key' && after.ordering === 'none') return 'all_keys';
  return blocksKeys(before) && !blocksKeys(after) ? 'blocked_keys' : null;
}
