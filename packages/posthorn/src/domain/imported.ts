import type { Reason } from './delivery.ts';

/** What a former sender says of a delivery. */
export const formerStates = ['delivered', 'failed', 'pending'] as const;
export type FormerState = (typeof formerStates)[number];

const suffix = ' at the former sender';
const prefix = 'cancelled: imported, ';

/**
 * Why an imported delivery is cancelled: it was another sender's, and Posthorn never attempts it. Cancelled deliveries balance in the
 * ledger (G6), and no objective, alert or report of impact counts them.
 */
export const importedReason = (state: FormerState): Reason => `${prefix}${state}${suffix}`;

const byReason: ReadonlyMap<string | null, FormerState> = new Map(
  formerStates.map((state) => [importedReason(state), state]),
);

/** What the former sender said of a delivery with this reason; undefined: it was not imported. */
export const formerStateFrom = (reason: string | null): FormerState | undefined => byReason.get(reason);

const namePrefix = 'imported-';

/** The name of the endpoint that an import makes of what has this id at the former sender. */
export const importedName = (id: string): string => `${namePrefix}${id}`;

export const isImportedName = (name: string): boolean => name.startsWith(namePrefix);
