import type { Finding, Integrity } from '../integrity.ts';
import { type Cold, snapshot } from './methods.ts';
import { limit as limited, sameShard, shardOf, table } from './pieces.ts';
import { type Sql, sql } from './sql.ts';
import { rowsUnprepared } from './steps.ts';

// The reconciler's search for rows that contradict themselves (G6). It shares no code with the writers on purpose.

const attemptsOf = sql`FROM ${table('attempts')} a WHERE ${sameShard('a', 'd')}a.delivery = d.number`;
const ofDelivery = sql`SELECT d.number, e.id, p.id FROM ${table('deliveries')} d
  JOIN ${table('events')} e ON ${sameShard('e', 'd')}e.number = d.event_number JOIN ${table('endpoints')} p ON p.num = d.endpoint WHERE`;

/** Each query returns [delivery number, event id, endpoint id] of what contradicts itself. */
const checks: readonly { readonly problem: string; readonly query: Sql }[] = [
  {
    problem: 'a delivery of this event is missing (the event has more deliveries than rows)',
    query: sql`SELECT CAST(NULL AS bigint), e.id, CAST(NULL AS text) FROM ${table('events')} e WHERE e.deliveries > 0
      AND e.deliveries <> (SELECT count(*) FROM ${table('deliveries')} d WHERE ${sameShard('d', 'e')}d.event_number = e.number)
        + coalesce((SELECT f.remaining FROM ${table('fan_out_events')} f WHERE f.event_number = e.number), 0)`,
  },
  {
    problem: 'the fan-out of this event is missing: its remaining deliveries will not be created',
    query: sql`SELECT CAST(NULL AS bigint), e.id, CAST(NULL AS text)
      FROM ${table('events')} e JOIN ${table('fan_out_events')} f ON f.event_number = e.number
      WHERE NOT EXISTS (SELECT 1 FROM ${table('fan_outs')} o WHERE o.id = f.fan_out)`,
  },
  {
    problem: 'an event that is still fanned out is missing',
    query: sql`SELECT CAST(NULL AS bigint), CAST(NULL AS text), CAST(NULL AS text) FROM ${table('fan_out_events')} f
      WHERE f.event_number NOT IN (SELECT g.event_number FROM ${table('fan_out_events')} g
        JOIN ${table('events')} e ON ${shardOf('e', 'g.event_number')}e.number = g.event_number)`,
  },
  {
    problem: 'the event of this delivery is missing',
    query: sql`SELECT d.number, CAST(NULL AS text), p.id FROM ${table('deliveries')} d LEFT JOIN ${table('endpoints')} p ON p.num = d.endpoint
      WHERE NOT EXISTS (SELECT 1 FROM ${table('events')} e WHERE ${sameShard('e', 'd')}e.number = d.event_number)`,
  },
  {
    problem: 'the endpoint of this delivery is missing, so it cannot be delivered',
    query: sql`SELECT d.number, e.id, CAST(NULL AS text) FROM ${table('deliveries')} d
      LEFT JOIN ${table('events')} e ON ${sameShard('e', 'd')}e.number = d.event_number
      WHERE NOT EXISTS (SELECT 1 FROM ${table('endpoints')} p WHERE p.num = d.endpoint)`,
  },
  {
    problem: 'is delivered, but no attempt of it was',
    query: sql`${ofDelivery} d.state = 1 AND NOT EXISTS (SELECT 1 ${attemptsOf} AND a.outcome = 'delivered')`,
  },
  {
    problem: 'an attempt delivered it, but it is not delivered',
    query: sql`${ofDelivery} d.state <> 1 AND EXISTS (SELECT 1 ${attemptsOf} AND a.outcome = 'delivered')`,
  },
  {
    problem: 'is dead, but its last attempt did not end it',
    query: sql`${ofDelivery} d.state = 2 AND d.reason <> 'too_old'
      AND coalesce((SELECT a.outcome ${attemptsOf} AND a.outcome <> 'superseded' ORDER BY a.n DESC LIMIT 1), '') <> 'dead'`,
  },
  {
    problem: 'an attempt ended it and it was not redriven, but it is not dead',
    query: sql`${ofDelivery} d.state NOT IN (1, 2) AND NOT (d.state = 3 AND d.reason LIKE 'cancelled: %') AND d.redrives = 0
      AND EXISTS (SELECT 1 ${attemptsOf} AND a.outcome = 'dead')`,
  },
  {
    problem: 'left pending without a recorded reason (G5)',
    query: sql`${ofDelivery} d.state <> 0 AND (d.reason IS NULL OR d.settled_at IS NULL)`,
  },
  {
    problem: 'is pending, but has a reason for having ended',
    query: sql`${ofDelivery} d.state = 0 AND (d.reason IS NOT NULL OR d.settled_at IS NOT NULL OR d.due_at IS NULL)`,
  },
  {
    problem: 'its state and its reason contradict each other',
    query: sql`${ofDelivery} d.state = 3 AND d.reason <> 'endpoint_deleted' AND d.reason NOT LIKE 'cancelled: %'
      OR d.state = 4 AND d.reason <> 'endpoint_paused'
      OR d.state = 2 AND d.reason NOT IN ('schedule_exhausted', 'too_old', 'gone', 'corrupt')`,
  },
];

export const tamperingListings: Cold<Pick<Integrity, 'findTampered'>> = {
  findTampered: snapshot(function* (limit) {
    const findings: Finding[] = [];
    for (const { problem, query } of checks) {
      if (findings.length >= limit) break;
      const found = yield* rowsUnprepared(sql`${query} ${limited(limit - findings.length)}`);
      for (const [number, eventId, endpointId] of found)
        findings.push({
          number: number as number | null,
          eventId: eventId as string | null,
          endpointId: endpointId as string | null,
          problem,
        });
    }
    return findings;
  }),
};
