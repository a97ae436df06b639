import type { Database } from '../database.ts';
import type { Marker } from '../markers.ts';
import type { Cause } from '../result.ts';
import type { Habits } from '../sender.ts';
import type { LineFacts } from '../timeline.ts';
import type { Random } from 'posthorn/runtime';
import type { Evidence, Outage } from './evidence.ts';

/** What a rule can ask of the log before it says by what an event is known. */
export interface Look {
  readonly database: Database;
  readonly facts: LineFacts;
  readonly habits: Habits;
  readonly markers: readonly Marker[];
  readonly outages: readonly Outage[];
  readonly random: Random;
}

/** One cause of loss: by what an event shows it, what that proves, and how it is said. */
export interface Rule {
  /** Its column in `signs`, behind `s_`. */
  readonly sign: string;
  readonly cause: Cause;
  /** `proof`: an illegal transition in the event itself. `support`: it counts only where it is enriched beyond chance. */
  readonly kind: 'proof' | 'support';
  /**
   * SQL over `clue` (a row for every event that did not simply arrive, with its verdict, its last failure and what its
   * attempts have in common): true where the event shows the cause.
   */
  readonly shows: (look: Look) => string | Promise<string>;
  readonly words: (evidence: Evidence) => string;
}
