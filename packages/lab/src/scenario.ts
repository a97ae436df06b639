import { parse } from 'yaml';
import { z } from 'zod';

const share = z.number().min(0).max(1);
const range = z
  .tuple([z.number().min(0), z.number().min(0)])
  .refine(([lo, hi]) => lo <= hi, 'the lower bound comes first');
const count = (most: number): z.ZodNumber => z.int().min(1).max(most);

/** What a network or a receiver does to one attempt; each with its probability. */
export const networkFaults = [
  'slow',
  'hang',
  'late_answer',
  'reset_before',
  'reset_after',
  'refused',
  'dns',
  'http_500',
  'http_400',
  'rate_limited',
  'gone',
] as const;
export type NetworkFault = (typeof networkFaults)[number];
const faultShares = z.partialRecord(z.enum(networkFaults), share).default({});

const endpoint = z.strictObject({
  name: z.string().min(1).max(40),
  ordering: z.enum(['none', 'key']).default('none'),
  /** What a dead letter means to later payments of its customer, with ordering `key`. */
  on_dead: z.enum(['skip', 'block']).default('skip'),
  timeout_s: z.number().min(0.1).max(60).default(15),
  /** Null: it adapts to what the endpoint answers. */
  max_in_flight: count(1000).nullable().default(null),
  rate_limit_per_s: z.number().positive().nullable().default(null),
  /** Delays between attempts, in seconds; left out, the default schedule of about 28 hours. */
  schedule_s: z.array(z.number().positive()).min(1).max(30).optional(),
  deliver_within_s: z.number().positive().default(300),
  /** It is paused when every attempt has failed for so long; operators resume it when all faults have ended. */
  disable_after_s: z.number().positive().nullable().default(null),
  /** Its own faults instead of the network's. */
  faults: z.partialRecord(z.enum(networkFaults), share).optional(),
  /** Requests a second that it bears; beyond, it answers 503. */
  capacity_per_s: z.number().positive().nullable().default(null),
  /** Every so manyth payment it refuses for ever (400). */
  poison_every: count(1_000_000).nullable().default(null),
});

/** Outages and bad hours of one endpoint (or of all), some a day or at a fixed hour. */
const spell = z.strictObject({
  kind: z.enum(['outage', 'degraded']),
  endpoint: z.string().optional(),
  per_day: z.number().min(0).max(200).optional(),
  at_hour: z.number().min(0).optional(),
  minutes: range,
  /** In a degraded spell, how much likelier each fault is. */
  factor: z.number().min(1).max(10_000).default(20),
});

const rates = z.number().min(0).max(3600);

/** A world to simulate. A scenario is data; times are simulated. */
const scenarioSchema = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'takes lowercase letters, digits and dashes'),
  description: z.string().max(2000).default(''),
  payments: count(50_000_000),
  /** How long payments and faults come. */
  hours: z
    .number()
    .positive()
    .max(24 * 365),
  /** How long afterwards everything may take to come to rest, with all faults ended. */
  drain_hours: z
    .number()
    .positive()
    .max(24 * 30)
    .default(48),
  /** The payment service hands over what is new every so often, in one batch. */
  batch_every_s: z.number().min(0.01).max(3600).default(20),
  /** Customers, whose payments keep their order on endpoints with ordering `key`; 0: payments have no key. */
  customers: z.int().min(0).max(1_000_000).default(0),
  value: z
    .strictObject({
      mean_minor: z.number().positive().default(533),
      currency: z
        .string()
        .regex(/^[A-Z]{3}$/)
        .default('USD'),
    })
    .prefault({}),
  nodes: count(8).default(1),
  endpoints: z.array(endpoint).min(1).max(100),
  network: z
    .strictObject({
      /** Latency of an answer without faults: log-normal through these two, or the quantiles of a log, evenly spaced. */
      latency_ms: z
        .union([
          z.strictObject({ p50: z.number().positive(), p99: z.number().positive() }),
          z.array(z.number().min(0)).min(2).max(1001),
        ])
        .default({ p50: 80, p99: 900 }),
      faults: faultShares,
      /** After so long a hanging connection is cut by something between. */
      cut_after_s: z.number().positive().default(60),
      spells: z.array(spell).max(50).default([]),
    })
    .prefault({}),
  node_faults: z
    .strictObject({
      crash_per_hour: rates.default(0),
      freeze_per_hour: rates.default(0),
      freeze_s: range.default([1, 90]),
      restart_per_hour: rates.default(0),
      clock_jump_per_hour: rates.default(0),
      clock_jump_s: range.default([1, 120]),
      /** Leaps of the clock that counts (the store's, or an embedded node's own): by hours, or by 130 to 400 days, back or ahead. */
      clock_leap_per_hour: rates.default(0),
    })
    .prefault({}),
  store: z
    .strictObject({
      latency_ms: range.default([0, 0]),
      slow: share.default(0),
      slow_ms: range.default([50, 2000]),
      error: share.default(0),
      /** The commit happened, and its answer never came. */
      answer_lost: share.default(0),
      /** Requests whose deliveries are created in steps, as if each had thousands. */
      in_steps: share.default(0),
    })
    .prefault({}),
  operations: z
    .strictObject({
      redrive_per_hour: rates.default(0),
      cancel_per_hour: rates.default(0),
      pause_per_hour: rates.default(0),
      pause_s: range.default([5, 300]),
      bulk_redrive_per_hour: rates.default(0),
      replay_per_hour: rates.default(0),
      change_per_hour: rates.default(0),
      delete_per_hour: rates.default(0),
    })
    .prefault({}),
  /** Also runs the naive sender on the same payments and the same network. */
  naive: z
    .strictObject({
      timeout_s: z.number().positive().default(10),
      retry_after_s: z.array(z.number().positive()).min(1).default([5, 30, 120, 600, 1800]),
    })
    .nullable()
    .default(null),
  /** Finished deliveries are pruned after so long: without, nothing is. */
  retention_hours: z.number().positive().optional(),
  /** A delivery to an endpoint without faults of its own must arrive within this. */
  healthy_within_s: z.number().positive().optional(),
  /** The ledger is checked after every step; else every so often. */
  check: z.enum(['every_step', 'hourly']).default('every_step'),
});

export type Scenario = z.infer<typeof scenarioSchema>;
export type ScenarioInput = z.input<typeof scenarioSchema>;
export type LabEndpoint = Scenario['endpoints'][number];

export class ScenarioError extends Error {
  override readonly name = 'ScenarioError';
}

/** A scenario from what a file says; a `ScenarioError` names each fault by its path. */
export function parseScenario(input: unknown): Scenario {
  const { success, data, error } = scenarioSchema.safeParse(input);
  if (success) return data;
  const faults = error.issues.map(({ path, message }) => `  ${path.join('.') || '(top)'}: ${message}`);
  throw new ScenarioError(`this scenario is not valid:\n${faults.join('\n')}`);
}

export function parseScenarioYaml(text: string): Scenario {
  let input: unknown;
  try {
    input = parse(text);
  } catch (error) {
    throw new ScenarioError(`this is not YAML: ${(error as Error).message}`);
  }
  return parseScenario(input);
}
