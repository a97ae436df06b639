import { z } from 'zod';

/** Seconds or milliseconds since the epoch, or ISO 8601. */
const time = z.union([z.string(), z.number()]).transform((value, context) => {
  const ms = typeof value === 'number' ? (value < 1e11 ? value * 1000 : value) : Date.parse(value);
  if (Number.isFinite(ms)) return ms;
  context.addIssue('is not a time');
  return z.NEVER;
});

const schema = z
  .object({
    event_id: z.union([z.string(), z.number()]).transform(String),
    attempt: z.number().optional(),
    started_at: time,
    ended_at: time.optional(),
    duration_ms: z.number().optional(),
    status_code: z.number().nullish(),
    error: z.string().nullish(),
    error_class: z.string().nullish(),
    amount_minor: z.number().nullish(),
    currency: z.string().nullish(),
    next_retry_at: time.nullish(),
  })
  .transform(({ ended_at: endedAt, duration_ms: durationMs, ...line }) => ({
    ...line,
    durationMs: durationMs ?? (endedAt === undefined ? null : endedAt - line.started_at),
  }));

/** One attempt of a delivery log; times in ms since the epoch. */
export interface AttemptLine {
  readonly event_id: string;
  readonly attempt?: number | undefined;
  readonly started_at: number;
  readonly durationMs: number | null;
  readonly status_code?: number | null | undefined;
  readonly error?: string | null | undefined;
  readonly error_class?: string | null | undefined;
  readonly amount_minor?: number | null | undefined;
  readonly currency?: string | null | undefined;
  readonly next_retry_at?: number | null | undefined;
}

/** Parses a JSON line into an attempt; null if it cannot be understood. */
export function parseAttemptLine(text: string): AttemptLine | null {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** Returns whether this attempt was answered with 2xx. */
export function delivered({ status_code: status }: AttemptLine): boolean {
  return status !== null && status !== undefined && status >= 200 && status < 300;
}
