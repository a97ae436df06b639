/** What a series can count by time. */
export const seriesMeasures = ['counts', 'in_time', 'failures', 'latency'] as const;
export type SeriesMeasure = (typeof seriesMeasures)[number];

/** By what it can be split into several. */
export const seriesKeys = ['none', 'endpoint', 'owner', 'event_type', 'error_class', 'fault_domain'] as const;

/** How long one of its points is, from fine to coarse. */
export const seriesSteps = ['minute', 'hour', 'day'] as const;
export type SeriesStep = (typeof seriesSteps)[number];

/** Points in one answer, over all of its series. */
export const maxSeriesPoints = 1500;
