import { count } from 'posthorn/report';
import { contrast } from './evidence.ts';
import type { Rule } from './rule.ts';

const words: Rule['words'] = (e) =>
  `In ${count(e.events)} lost events two requests of the same event were under way at once, or a request that had been given up wrote its end over the retry that was owed; no attempt came after that.${contrast(e)}`;

/** An end that was written when its attempt was over already, and no attempt after it although one was owed. */
export const staleWrite: Rule = {
  sign: 'stale_write',
  cause: 'retry_race',
  kind: 'proof',
  shows: () => 'stale_write',
  words,
};

/** Two requests of one event at once. Most of these end well, so it takes more of them to say so. */
export const retryRace: Rule = {
  sign: 'retry_race',
  cause: 'retry_race',
  kind: 'proof',
  shows: () => 'overlapping or settled_twice',
  words,
};
