import { z } from 'zod';
import { endpointState, healthExample, inTime } from './endpoint-health.ts';
import { count, documentName, moneyAnswer, named, timestamp } from './fields.ts';
import { operations } from './operation.ts';

const cell = z
  .strictObject({
    event_type: z.string(),
    endpoint_id: z.string(),
    in_time: inTime,
    dead: count,
    suppressed: count,
    late_pending: count.describe('Past their deadline, and still pending.'),
    at_risk: z.array(moneyAnswer).describe('Value of these, by currency.'),
  })
  .meta({ id: 'TeamCell' });

const sends = z.strictObject({
  event_type: z.string(),
  description: z.string().nullable().describe('Null if the type is declared without an owner.'),
  accepted: count.describe('Its deliveries in the window.'),
  endpoints: count.describe('Endpoints that subscribe to it.'),
});

const party = z
  .strictObject({
    endpoint_id: z.string(),
    name: z.string().nullable(),
    host: z.string(),
    tenant: z.string(),
    owner: z.string().nullable(),
    state: endpointState,
    in_time: inTime,
    pending: count,
    dead: count,
  })
  .meta({ id: 'TeamEndpoint' });

const objective = z.strictObject({
  name: z.string(),
  side: z.enum(['sender', 'receiver']).describe("The team's own objectives."),
  other: z.string().nullable().describe('The team on the other side.'),
  target: z.number(),
  kept: z.boolean(),
  sli: z.number().nullable(),
  budget_remaining: z.number().nullable().describe("Budget of the team's own side."),
});

const alert = z.strictObject({
  id: z.string(),
  severity: z.enum(['page', 'ticket']),
  since: timestamp,
  summary: z.string(),
});

const lacking = z.strictObject({
  kind: z.enum(['endpoint', 'event_type']),
  id: z.string(),
  missing: z.array(z.enum(['declaration', 'template', 'slo', 'owner'])),
});

const overview = z
  .strictObject({
    name: documentName,
    description: z.string(),
    channels: z.array(z.string()),
    sentence: z.string().describe('The state of the team, human-readable.'),
    level: z.enum(['ok', 'watch', 'act']),
    window: z.strictObject({ since: timestamp, until: timestamp }).describe('By time of acceptance.'),
    sends: z.array(sends).describe('Event types that the team owns.'),
    receives: z.array(party).describe('Endpoints that the team owns.'),
    others: z.array(party).describe("Other teams' endpoints that receive the team's types."),
    matrix: z
      .array(cell)
      .describe(
        "The team's types at every endpoint, and every type at the team's endpoints; pairs without deliveries are omitted.",
      ),
    objectives: z.array(objective),
    alerts: z.array(alert).describe('Firing alerts.'),
    conformance: z.strictObject({ total: count, conforming: count, items: z.array(lacking) }),
    complete: z
      .boolean()
      .describe('False if more is at risk, or more endpoints are concerned, than was read.'),
  })
  .meta({ id: 'TeamOverview' });

const exampleId = 'ep_01jd8z0c3r5s7u9w1y3a5c7e9g';

export const teamOverviewOperations = operations({
  'teams.overview': {
    method: 'GET',
    path: '/v1/teams/{name}/overview',
    tag: 'teams',
    scope: 'read',
    summary: 'Get what a team sends and receives',
    description:
      "Returns event types and endpoints that the team owns, how each type fares at each endpoint in the last 24 hours, and the team's objectives, alerts and conformance.",
    params: named,
    status: 200,
    answer: overview,
    errors: ['not_found'],
    example: {
      params: { name: 'payments' },
      answer: {
        name: 'payments',
        description: 'Payment services',
        channels: ['payments-pager'],
        sentence: 'payments sends 1 event type to 1 endpoint: 98.5% in time; nothing is at risk.',
        level: 'ok',
        window: healthExample.window,
        sends: [{ event_type: 'payment.succeeded', description: null, accepted: 12_170, endpoints: 1 }],
        receives: [],
        others: [
          {
            endpoint_id: exampleId,
            name: 'orders',
            host: 'orders.example.com',
            tenant: 'default',
            owner: 'shop',
            state: 'healthy',
            in_time: healthExample.in_time,
            pending: 3,
            dead: 0,
          },
        ],
        matrix: [
          {
            event_type: 'payment.succeeded',
            endpoint_id: exampleId,
            in_time: healthExample.in_time,
            dead: 0,
            suppressed: 0,
            late_pending: 0,
            at_risk: [],
          },
        ],
        objectives: [
          {
            name: 'payments',
            side: 'sender',
            other: 'shop',
            target: 0.999,
            kept: true,
            sli: 0.9997,
            budget_remaining: 0.96,
          },
        ],
        alerts: [],
        conformance: { total: 1, conforming: 1, items: [] },
        complete: true,
      },
    },
  },
});
