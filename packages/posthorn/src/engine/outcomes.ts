import type { SettleAnswer, Settlement } from '../store/store.ts';
import type { Share } from './fair-budget.ts';

/** Where attempts put their outcomes, which are committed together (G4). Implemented by the settler. */
export interface Outcomes {
  /** `share` is what the outcome holds of the budget of outcomes, until it is on disk. */
  push(settlement: Settlement, share?: Share): void;
}

/** Receives each outcome once it is on disk, with what became of it. Must be cheap and never throw. */
export interface SettledListener {
  settled(settlement: Settlement, answer: SettleAnswer): void;
}
