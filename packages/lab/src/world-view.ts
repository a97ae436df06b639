import type { Endpoint } from 'posthorn/domain';
import type { Database } from 'posthorn/sqlite';
import type { History } from './history.ts';
import type { Trouble } from './check-run.ts';
import type { KeyChecker } from './key-checker.ts';
import type { LabNode } from './node.ts';
import type { Plan } from './plan.ts';
import type { Scenario } from './scenario.ts';
import type { Invariant, StepChecker } from './step-checker.ts';
import type { VirtualTime } from 'posthorn/runtime';

/** What everybody in a world can see of it. */
export interface WorldView {
  readonly scenario: Scenario;
  readonly plan: Plan;
  readonly time: VirtualTime;
  readonly history: History;
  readonly nodes: readonly LabNode[];
  readonly endpoints: readonly Endpoint[];
  /** Positions of deleted endpoints. */
  readonly deleted: ReadonlySet<number>;
  readonly db: Database;
  readonly checker: StepChecker;
  readonly keys: KeyChecker;
  readonly troubles: readonly Trouble[];
  /** What the clock that counts says, right or wrong. */
  readonly clockNow: number;
  /** Whether this node may go by another time than that still: the clock has just leapt. */
  isUnsteady(node: LabNode): boolean;
  found(invariant: Invariant, message: string): void;
  note(line: () => string): void;
  count(fault: string): void;
}
