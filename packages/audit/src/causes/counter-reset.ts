import { count } from 'posthorn/report';
import { contrast } from './evidence.ts';
import type { Rule } from './rule.ts';

/** The attempt number goes back, so the end of the schedule is never reached. */
export const counterReset: Rule = {
  sign: 'counter_reset',
  cause: 'counter_reset',
  kind: 'proof',
  shows: () => 'counts_back',
  describe: (e) => {
    const most = e.habits.sender.max_attempts;
    return `In ${count(e.events)} lost events the attempt number went back instead of up${most === null ? '' : ` and never reached ${most}`}.${contrast(e)}`;
  },
};
