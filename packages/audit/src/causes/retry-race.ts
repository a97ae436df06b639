import { count } from 'posthorn/report';
import { contrast } from './evidence.ts';
import type { Rule } from './rule.ts';

const describe: Rule['describe'] = (e) =>
  `In ${count(e.events)} lost events, two requests of the same event were in flight at once, or a request that had timed out overwrote the retry that was owed; no attempt followed.${contrast(e)}`;

/** An outcome was written after its attempt had already ended, and no attempt followed although one was owed. */
export const staleWrite: Rule = {
  sign: 'stale_write',
  cause: 'retry_race',
  kind: 'proof',
  shows: () => 'stale_write',
  describe,
};

/** Two requests of one event were in flight at once. Most of these end well, so more of them are needed to name the cause. */
export const retryRace: Rule = {
  sign: 'retry_race',
  cause: 'retry_race',
  kind: 'proof',
  shows: () => 'overlapping or settled_twice',
  describe,
};
