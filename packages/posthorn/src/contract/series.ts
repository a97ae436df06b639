import { z } from 'zod';
import { errorClasses } from '../domain/attempt.ts';
import { maxSeriesPoints, seriesKeys, seriesMeasures, seriesSteps } from '../domain/series.ts';
import { anyId, count, eventTypePattern, interval, tenantName, timestamp } from './fields.ts';
import { operations } from './operation.ts';
import { severalInQuery } from './several.ts';

const milliseconds = z
  .number()
  .nullable()
  .describe('Upper bound of the quantile; null if nothing was delivered.');

const point = {
  at: timestamp.describe('Start of the point.'),
  open: z
    .boolean()
    .describe('True if some deadlines of what was accepted here have not passed: the numbers are not final.'),
};

/** The measure decides which of the fields a point has. */
const seriesPoint = z
  .strictObject({
    ...point,
    accepted: count.optional().describe('With `counts`: deliveries accepted here.'),
    delivered: count.optional().describe('With `counts` and `latency`.'),
    pending: count
      .optional()
      .describe('With `counts` and `in_time`: neither delivered nor ended otherwise yet.'),
    dead: count.optional().describe('With `counts`.'),
    cancelled: count.optional().describe('With `counts`.'),
    suppressed: count.optional().describe('With `counts`.'),
    late: count.optional().describe('With `counts` and `in_time`: delivered after the deadline.'),
    first_attempts: count.optional().describe('With `counts`.'),
    first_delivered: count.optional().describe('With `counts`: delivered by the first attempt.'),
    superseded: count
      .optional()
      .describe('With `counts`: attempts whose outcome came after another attempt had settled the delivery.'),
    due: count
      .optional()
      .describe(
        'With `in_time`: all except cancelled deliveries; before the deadline, only those that have an outcome.',
      ),
    in_time: count.optional().describe('With `in_time`: delivered before the deadline.'),
    dropped: count.optional().describe('With `in_time`: dead or suppressed.'),
    in_time_interval: interval.optional().describe('With `in_time`: share of `in_time` in `due`.'),
    failures: count.optional().describe('With `failures`: failed attempts.'),
    p50: milliseconds.optional(),
    p95: milliseconds.optional(),
    p99: milliseconds.optional(),
  })
  .meta({ id: 'SeriesPoint' });

const oneSeries = z
  .strictObject({
    key: z
      .string()
      .nullable()
      .describe(
        'The value of `by`: an endpoint’s id, a team, a type, a class. Null for no owner, or for everything.',
      ),
    others: count.describe('Number of smaller keys that this series combines; 0 for a single `key`.'),
    points: z.array(seriesPoint).describe('One for each step of the window, even if nothing was counted.'),
  })
  .meta({ id: 'OneSeries' });

const series = z
  .strictObject({
    measure: z.enum(seriesMeasures),
    by: z.enum(seriesKeys),
    window: z.strictObject({
      since: timestamp,
      until: timestamp,
      step: z
        .enum(seriesSteps)
        .describe('Length of a point. Coarser than requested if the counters of that time are.'),
    }),
    series: z
      .array(oneSeries)
      .describe('The largest first; if there are too many, the smaller ones are combined.'),
  })
  .meta({ id: 'Series' });

const hours = ['2026-11-25T09:00:00.000Z', '2026-11-25T10:00:00.000Z'] as const;

export const seriesOperations = operations({
  'series.get': {
    method: 'GET',
    path: '/v1/series',
    tag: 'series',
    scope: 'read',
    summary: 'Get counters as time series',
    description: `Returns counters of deliveries by time of acceptance, with the current outcome. Counters are kept by the minute for 8 hours (\`counts\` and \`in_time\`), by the hour for 8 days (latency: 26 hours), then by day (UTC). Every point of the window is present, at most ${maxSeriesPoints.toLocaleString('en-US')} over all series.`,
    query: z.strictObject({
      measure: z.enum(seriesMeasures).default('counts'),
      by: z
        .enum(seriesKeys)
        .default('none')
        .describe(
          `\`error_class\` (one of ${errorClasses.length} classes) and \`fault_domain\` (who is at fault) are possible only with \`failures\`.`,
        ),
      step: z.enum(['auto', ...seriesSteps]).default('auto'),
      since: timestamp.optional().describe('Default: 24 hours before `until`.'),
      until: timestamp.optional().describe('Default: now.'),
      tenant: severalInQuery(tenantName).optional(),
      endpoint_id: severalInQuery(anyId).optional(),
      event_type: severalInQuery(eventTypePattern)
        .optional()
        .describe('Types, and trailing wildcards such as `payment.*`.'),
      owner: severalInQuery(z.string().min(1).max(128)).optional().describe('Teams that own the endpoints.'),
    }),
    status: 200,
    answer: series,
    errors: [],
    example: {
      query: { measure: 'in_time', since: hours[0], until: '2026-11-25T11:00:00Z' },
      answer: {
        measure: 'in_time',
        by: 'none',
        window: { since: hours[0], until: '2026-11-25T11:00:00.000Z', step: 'hour' },
        series: [
          {
            key: null,
            others: 0,
            points: hours.map((at) => ({
              at,
              open: false,
              due: 10_000,
              in_time: 9990,
              late: 8,
              dropped: 2,
              pending: 0,
              in_time_interval: [0.99816, 0.99946] as const,
            })),
          },
        ],
      },
    },
  },
});
