import { count } from 'posthorn/report';
import { contrast } from './evidence.ts';
import type { Rule } from './rule.ts';

/** The event failed while its endpoint failed nearly every request (`outage`). */
export const endpointOutage: Rule = {
  sign: 'endpoint_outage',
  cause: 'endpoint_outage',
  kind: 'support',
  shows: () => 'in_outage',
  describe: (e) => {
    const [first] = e.outages;
    return `${count(e.events)} lost events failed while ${e.endpoints > 1 ? `${e.endpoints} endpoints` : (e.endpoint ?? 'the receiver')} failed most requests (${count(e.outages.length)} ${e.outages.length === 1 ? 'outage' : 'outages'}${first === undefined ? '' : `, the first from ${new Date(first.from).toISOString()} to ${new Date(first.to).toISOString()}`}).${contrast(e)}`;
  },
};
