import { z } from 'zod';
import { causes, formats, problemCodes, verdicts } from './names.ts';

// The complete result of an audit, as `--json` prints it. The types in `result.ts` and `docs/reference/audit-result.schema.json` are made
// from it; nothing else loads it.

const whole = z.int().nonnegative();
const share = z.number().min(0).max(1);
const text = z.string();
const time = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/)
  .meta({ id: 'AuditTime', description: 'ISO 8601, UTC' });
const minor = z
  .union([z.int(), z.string().regex(/^-?\d+$/)])
  .meta({ id: 'AuditMinor', description: 'Minor units, exact: text if a number would not be' });
const cause = z.enum(causes).meta({ id: 'AuditCause' });
const verdict = z.enum(verdicts).meta({ id: 'AuditVerdict' });
const format = z.enum(formats).meta({ id: 'AuditFormat' });
const values = z.array(
  z.object({ currency: text, amount_minor: minor, events: whole }).meta({ id: 'AuditValue' }),
);

const source = z.object({
  format,
  confidence: share.describe('Confidence of the detection; 1 with `--format`'),
  given: z.boolean().describe('True if `--format` or a mapping decided'),
  why: z.array(text).describe('The reasons of the decision'),
  alternatives: z.array(z.object({ format, score: z.number() })).describe('The next best formats'),
  files: z.array(
    z.object({
      path: text,
      bytes: whole,
      container: z.enum(['ndjson', 'json', 'csv', 'parquet', 'text']),
      compression: z.enum(['none', 'gzip', 'zstd']),
      format,
    }),
  ),
  fields: z
    .array(z.object({ field: text, from: text, as: text }))
    .describe('How each field of the log was read, and in which unit'),
  assumptions: z.array(text).describe('Units, time zone, meanings of status words, the retry horizon'),
});

const coverage = z.object({
  from: time.nullable().describe('First time in the log'),
  to: time.nullable().describe('Last time in the log'),
  hours: z.number().nonnegative(),
  lines: whole,
  duplicates: whole.describe('Exact repetitions of attempts and state lines; counted once'),
  malformed: z.object({
    count: whole,
    share,
    samples: z.array(z.object({ file: text, line: whole.nullable(), why: text, text })),
  }),
  unusable: z
    .array(z.object({ why: text, count: whole, sample: text }))
    .describe('Lines that were read but could not be used: without an id, or with an implausible time'),
  gaps: z.array(
    z.object({
      from: time,
      to: time,
      seconds: z.number(),
      lines_expected: z.number().describe('Lines expected by the rate around the gap'),
    }),
  ),
  sampling: z
    .object({ suspected: z.boolean(), why: text.nullable() })
    .describe(
      'Successful deliveries are sampled (SNS), or log levels hide steps (EventBridge): an event without a line is not necessarily dropped',
    ),
  clock_skew: z
    .object({ attempts: whole, max_ms: z.number() })
    .describe('Attempts that end before they start, or start before the attempt that they follow'),
  left_censored: whole.describe(
    'Events whose first line is not their first attempt: the log starts later (rotation)',
  ),
  right_censored: whole.describe('Events younger than the retry horizon at the end of the log: `unresolved`'),
  ids_shared: whole.describe('Ids under more than one tenant or endpoint; each counts as a separate event'),
  notes: z.array(text).describe('What the log cannot show'),
});

const qualityProblem = z.object({
  code: z.enum(problemCodes),
  count: whole,
  share: share.describe('The share of what is affected'),
  message: text,
  next_step: text,
});

const quality = z
  .object({
    conclusive: z
      .boolean()
      .describe('False: the log cannot show which events were lost, so none is called dropped'),
    suspected: whole.describe(
      'Events that would be silent drops if the log were complete; 0 if it is conclusive. They are `unresolved`',
    ),
    problems: z.array(qualityProblem),
  })
  .describe('Whether the log can show what became of events at all');

const power = z.object({
  detectable_rate: share.describe(
    'The smallest drop rate that this log shows with a probability of 95% (one drop or more)',
  ),
  statement: text.describe('"0 of 412: this log could not have shown 0.3%."'),
});

const withAndWithout = z.tuple([whole, whole]);

const causeFinding = z.object({
  cause,
  events: whole.describe('Events with this as their first cause; each event counts under one cause'),
  silently_dropped: whole,
  given_up: whole,
  kind: z
    .enum(['proof', 'support'])
    .describe(
      '`proof`: every one of the events shows an illegal transition. `support`: the sign is enriched beyond chance',
    ),
  p_value: share
    .nullable()
    .describe('Corrected by Benjamini and Hochberg over all tests; null if nothing was tested (`unknown`)'),
  evidence: text,
  test: z
    .object({
      name: text,
      risk_ratio: z.number().nullable(),
      risk_ratio_interval: z.tuple([z.number(), z.number()]).nullable().describe('95%'),
      table: z
        .tuple([withAndWithout, withAndWithout])
        .nullable()
        .describe('[[lost with it, not lost with it], [lost without it, not lost without it]]'),
    })
    .nullable()
    .describe('The test behind the p-value, with its figures'),
  jointly: z.array(z.object({ cause, events: whole })).describe('Other causes that the same events show'),
  where: z
    .object({
      endpoint: text.exactOptional(),
      event_type: text.exactOptional(),
      from: time.exactOptional(),
      to: time.exactOptional(),
      threshold: z.number().exactOptional(),
    })
    .describe('Where the events are concentrated'),
  sample_ids: z.array(text).max(10),
});

const money = z.object({
  basis: text.describe(
    'The field, its unit (minor or major), and the key by which payments were deduplicated',
  ),
  affected: values.describe('Payments whose notification was lost, by currency, before deductions'),
  recovered: values.describe(
    'Deduction: notified later by another event of the payment, or processed by the receiver',
  ),
  net: values.describe('affected − recovered; equals `value_at_risk`'),
  given_up: values.describe(
    'Payments of given-up events, which the sender recorded: known, so not counted above',
  ),
  total: values.describe('The value of all payments in the log'),
  unknown_amount_events: whole.describe('Lost events without an amount'),
  negative: values.describe('Excluded from every sum'),
  unknown_currency: z.array(z.object({ currency: text, events: whole })),
});

const weeklyValue = z.object({
  currency: text,
  amount_minor: minor,
  interval: z.tuple([minor, minor]).describe('95%: compound Poisson, standard error √Σx²'),
  events: whole,
  weeks: z.number().positive().describe('The observed time in weeks'),
  caution: text
    .nullable()
    .describe('Why the estimate is weak (fewer than ten events, or less than a day of log)'),
});

const sender = z
  .object({
    horizon_ms: z.number().describe('An event without a line for this long is lost or given up'),
    horizon_from: z.enum(['option', 'log', 'format', 'default']),
    max_attempts: whole.nullable(),
    timeout_ms: z.number().nullable(),
    retry_after_ms: z.array(z.number()).describe('Median wait before attempt 2, 3, …'),
    late_after_ms: z.number().describe('A delivery that takes longer than this is `late`'),
    failure_rate: share.describe('Share of attempts that failed'),
  })
  .describe('How the sender retries, as learned from the log');

const seriesBin = z.object({
  from: time,
  accepted: whole,
  silently_dropped: whole,
  given_up: whole,
  unresolved: whole,
  value_at_risk: values,
});

const durationBin = z.object({
  from_ms: z.number(),
  to_ms: z.number().describe('Exclusive'),
  classes: z
    .object({ '2xx': whole, '3xx': whole, '4xx': whole, '5xx': whole, none: whole })
    .describe('Attempts by class of answer; `none` means no status'),
});

const endpointFigures = z.object({
  endpoint: text,
  events: whole,
  attempts: whole,
  failed_attempts: whole,
  silently_dropped: whole,
  given_up: whole,
});

const example = z.object({
  event_id: text,
  endpoint: text.nullable(),
  tenant: text.nullable(),
  verdict,
  cause,
  amount_minor: minor.nullable(),
  currency: text.nullable(),
  story: text.describe('What went wrong, in one sentence'),
  attempts: z.array(
    z.object({
      attempt: whole.nullable(),
      started_at: time.nullable(),
      ended_at: time.nullable(),
      status_code: z.int().nullable(),
      error: text.nullable(),
      state: text.nullable(),
      next_retry_at: time.nullable(),
      worker: text.nullable(),
    }),
  ),
});

const missingEvent = z.object({
  event_id: text,
  endpoint: text.nullable(),
  tenant: text.nullable(),
  payment_id: text.nullable(),
  verdict,
  cause,
  last_seen_at: time.nullable(),
  attempts: whole,
  amount_minor: minor.nullable(),
  currency: text.nullable(),
});

const comparison = {
  file: text,
  rows: whole,
  unusable: whole.describe('Rows that cannot be read or have no id; not compared'),
  joined_by: text,
};

const expected = z
  .object({
    ...comparison,
    never_sent: whole.describe('Expected, but without a line in the log: counted as silently dropped'),
    unexpected: whole.describe('In the log, but not expected'),
    not_covered: whole.describe(
      'Expected before the log begins, after it ends, or for endpoints that it does not contain: neither sent nor lost here',
    ),
    sample_ids: z.array(text),
  })
  .nullable()
  .describe('Comparison with what should have been sent; null without `--expected`');

const received = z
  .object({
    ...comparison,
    acknowledged_unprocessed: whole,
    processed_all_the_same: whole.describe(
      'The sender saw no success, but the receiver has the event: counted as delivered',
    ),
    not_covered: whole.describe(
      'Deliveries before or after the time of the file, or to endpoints of which it does not contain a single event',
    ),
    endpoints_not_covered: z.array(text),
    sample_ids: z.array(text),
  })
  .nullable()
  .describe('Comparison with what the receiver processed; null without `--received`');

export const auditResult = z
  .object({
    version: z.literal(1),
    source,
    events: whole,
    attempts: whole,
    coverage,
    quality,
    verdicts: z
      .object({
        delivered: whole,
        late: whole,
        given_up: whole,
        silently_dropped: whole,
        unresolved: whole,
        acknowledged_unprocessed: whole,
      })
      .describe('Every event has one'),
    silent_drop_rate: share.describe('silently_dropped as a share of the events that are not unresolved'),
    silent_drop_interval: z.tuple([share, share]).describe('Wilson, 95%'),
    power,
    first_lost_at: time
      .nullable()
      .describe('When the first lost event was accepted; null if none was lost or the log does not say when'),
    causes: z.array(causeFinding).describe('The main one first; empty on a healthy log'),
    value_at_risk: values,
    weekly_value: z.array(weeklyValue),
    money,
    sender,
    onset: z
      .object({ at: time, rate_before: share, rate_after: share, p_value: share })
      .nullable()
      .describe('The step in the drop rate, if there is a significant one'),
    markers: z
      .array(z.object({ at: time, label: text, from: z.enum(['file', 'log', 'inferred']) }))
      .describe('Deploys and restarts, given, found in the log, or inferred'),
    endpoints: z.array(endpointFigures),
    event_types: z
      .array(z.object({ event_type: text, events: whole }))
      .max(50)
      .describe(
        'The 50 most frequent types; in a large log counted on a sample of events and scaled. Empty if the log lacks types',
      ),
    series: z.object({ bin_seconds: z.number().positive(), bins: z.array(seriesBin) }),
    durations: z.array(durationBin),
    examples: z
      .array(example)
      .max(3)
      .describe('Up to three lost events, those with the main cause first, each with all of its attempts'),
    missing: z
      .object({ total: whole, listed: z.array(missingEvent).max(1000), file: text.nullable() })
      .describe('Up to 1,000 lost events; `--missing` writes all'),
    expected,
    received,
    took_ms: whole,
  })
  .meta({
    title: 'What posthorn audit --json prints',
    description:
      'Durations in ms, money in minor units. An event is one obligation: an event of one tenant to one endpoint.',
  });
