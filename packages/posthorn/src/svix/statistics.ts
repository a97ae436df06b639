import { z } from 'zod';
import { dayMs, iso } from '../domain/time.ts';
import { InvalidFields } from './errors.ts';
import { endpointPlace } from './endpoints.ts';
import type { Context, Route } from './request.ts';

// Counts of an endpoint, from the ledger: its windows are whole hours, rounded outward.

const time = z.iso.datetime({ offset: true }).optional();
const longestDays = 28;

function windowOf({ query, deps }: Context): { readonly since: string; readonly until: string } {
  const until = query.parse(time, 'until') ?? iso(deps.clock.now());
  const since = query.parse(time, 'since') ?? iso(Date.parse(until) - longestDays * dayMs);
  if (Date.parse(until) - Date.parse(since) > longestDays * dayMs)
    throw new InvalidFields('query', [
      { path: '/since', message: `must be at most ${longestDays} days before until` },
    ]);
  return { since, until };
}

async function ledgerOf(context: Context) {
  const { tenant, params } = await endpointPlace(context);
  const query = { tenant, endpoint_id: params.id, ...windowOf(context) };
  return await context.own('accounting.get', { query });
}

const sum = (counts: object): number =>
  Object.values(counts).reduce<number>((total, count) => total + Number(count ?? 0), 0);

export const statisticsRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: 'app/{app}/endpoint/{endpoint}/stats',
    scope: 'read',
    handle: async (context) => {
      const { delivered, pending, dead, suppressed, cancelled } = await ledgerOf(context);
      return {
        status: 200,
        body: { success: delivered, pending, sending: 0, fail: dead + suppressed, canceled: cancelled },
      };
    },
  },
  {
    method: 'GET',
    path: 'app/{app}/endpoint/{endpoint}/attempt-stats',
    scope: 'read',
    handle: async (context) => {
      const { delivered, cancelled, failures } = await ledgerOf(context);
      return {
        status: 200,
        body: { success: delivered, fail: sum(failures.by_class), canceled: cancelled },
      };
    },
  },
];
