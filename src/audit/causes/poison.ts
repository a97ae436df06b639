import { contrast, count } from './evidence.ts';
import type { Rule } from './rule.ts';

/** A receiver that cannot read the event: the same answer each time, while the endpoint's other events arrive. */
export const poison: Rule = {
  cause: 'poison',
  kind: 'support',
  shows: () => `not in_outage and error_class in ('client_error', 'server_error')
    and (failures >= 2 and one_failure and answered or failed_code in (400, 415, 422))`,
  words: (e) =>
    `${count(e.events)} lost events failed in the same way each time${e.statusCode === null ? '' : ` (mostly ${e.statusCode})`}${e.eventType === null ? '' : `, all of type ${e.eventType}`}, while their neighbours arrived.${contrast(e)}`,
};
