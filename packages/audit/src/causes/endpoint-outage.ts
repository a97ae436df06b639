import { count } from 'posthorn/report';
import { contrast } from './evidence.ts';
import type { Rule } from './rule.ts';

/** Failed while its endpoint failed at nearly everything (`outage`). */
export const endpointOutage: Rule = {
  sign: 'endpoint_outage',
  cause: 'endpoint_outage',
  kind: 'support',
  shows: () => 'in_outage',
  words: (e) => {
    const [first] = e.outages;
    return `${count(e.events)} lost events failed while ${e.endpoints > 1 ? `${e.endpoints} endpoints` : (e.endpoint ?? 'the receiver')} failed at most of what was sent (${count(e.outages.length)} spells${first === undefined ? '' : `, the first from ${new Date(first.from).toISOString()} to ${new Date(first.to).toISOString()}`}).${contrast(e)}`;
  },
};
