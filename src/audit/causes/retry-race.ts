import { contrast, count } from './evidence.ts';
import type { Rule } from './rule.ts';

/** Two requests of one event at once, or an end that was written after another attempt had taken over. */
export const retryRace: Rule = {
  cause: 'retry_race',
  kind: 'proof',
  shows: () => 'overlapping or settled_twice or stale_write',
  words: (e) =>
    `In ${count(e.events)} lost events two requests of the same event were under way at once, or a request that had been given up wrote its end over the retry that was owed; no attempt came after that.${contrast(e)}`,
};
