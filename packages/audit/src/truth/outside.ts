import type { Database } from '../database.ts';
import type { AuditOptions } from '../result.ts';
import type { LineFacts } from '../timeline/timeline.ts';
import { type Expected, readExpected, withoutExpected } from './expected.ts';
import { readReceived, type Received, withoutReceipts } from './received.ts';

/** What is known from outside the log; null for what was not given. */
export interface Outside {
  readonly expected: Expected | null;
  readonly received: Received | null;
}

/** Makes `unsent` and `receipt`, from what should have been sent and from what was processed. */
export async function readOutside(
  database: Database,
  facts: LineFacts,
  options: AuditOptions,
): Promise<Outside> {
  return {
    expected:
      options.expected === undefined
        ? await withoutExpected(database)
        : await readExpected(database, options.expected, options.window !== undefined),
    received:
      options.received === undefined
        ? await withoutReceipts(database)
        : await readReceived(database, options.received, facts),
  };
}
