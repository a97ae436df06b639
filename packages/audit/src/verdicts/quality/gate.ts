import type { LoadedQuality } from '../../read/load.ts';
import type { Quality } from '../../result.ts';
import type { Habits } from '../../timeline/sender.ts';
import type { Spec } from '../../read/spec.ts';
import type { StateTable } from '../state-table.ts';
import type { LineFacts } from '../../timeline/timeline.ts';

/** What the gate looks at. */
export interface Gate {
  readonly facts: LineFacts;
  readonly habits: Habits;
  readonly specs: readonly Spec[];
  readonly rejected: number;
  readonly loaded: LoadedQuality;
  readonly states: StateTable | null;
  /** The list of what should have been sent shows which events are missing. */
  readonly hasExpected: boolean;
  /** The list of what was processed shows whether a delivery without a success was one. */
  readonly hasReceived: boolean;
}

/** The quality, and whether attempts are numbered without a hole, which a proof needs. */
export interface Gated {
  readonly quality: Quality;
  readonly complete: boolean;
}

/** What the checks compare with. */
export interface Counts {
  readonly events: number;
  /** Events that look silently dropped. */
  readonly suspected: number;
  /** Events with a failed attempt. */
  readonly failed: number;
  /** Those of them that were neither given up nor are open: each has a success, or looks dropped. */
  readonly retried: number;
  /** Attempts that follow another one of their event. */
  readonly retries: number;
}
