import type { Database } from '../database.ts';
import type { Marker } from './markers.ts';
import type { Cause } from '../result.ts';
import type { Habits } from '../timeline/sender.ts';
import type { LineFacts } from '../timeline/timeline.ts';
import type { Random } from 'posthorn/runtime';
import type { Evidence, Outage } from './evidence.ts';

/** What a rule can read from the log before it returns its condition. */
export interface Look {
  readonly database: Database;
  readonly facts: LineFacts;
  readonly habits: Habits;
  readonly markers: readonly Marker[];
  readonly outages: readonly Outage[];
  readonly random: Random;
}

/** One cause of loss: the sign that an event shows, what the sign proves, and its description. */
export interface Rule {
  /** The name of its column in `signs`, without the prefix `s_`. */
  readonly sign: string;
  readonly cause: Cause;
  /** `proof`: an illegal transition in the event itself. `support`: it counts only if it is enriched beyond chance. */
  readonly kind: 'proof' | 'support';
  /**
   * SQL over `clue` (one row for each event that was not simply delivered, with its verdict, its last failure and what its
   * attempts have in common); true if the event shows the cause.
   */
  readonly shows: (look: Look) => string | Promise<string>;
  /** Returns the evidence as a sentence. */
  readonly describe: (evidence: Evidence) => string;
}
