import { defaultRetryPolicy, type RetryDocument, type RetryPolicy } from './retry-policy.ts';
import { hourMs, minuteMs, secondMs } from './time.ts';

/** A named policy that endpoints follow; its version goes up with every change. Times in milliseconds. */
export interface Template {
  readonly name: string;
  readonly version: number;
  readonly description: string;
  readonly timeoutMs: number;
  readonly deliverWithinMs: number;
  readonly retry: RetryPolicy;
  /** How loud its dead letters are; `auto`: by their value, number and age. */
  readonly deadLetterSeverity: 'auto' | 'ticket' | 'page';
  /** The share that has to be delivered within the deadline, for each endpoint that follows. */
  readonly slo: { readonly target: number; readonly windowDays: number } | null;
}

/** What a template says and an endpoint may say for itself. */
export const templateFields = ['timeoutMs', 'deliverWithinMs', 'retry'] as const;
export type TemplateField = (typeof templateFields)[number];

export const standardTemplate: Template = {
  name: 'standard',
  version: 1,
  description: 'what an endpoint without a template does too: ten attempts over 28 hours',
  timeoutMs: 15 * secondMs,
  deliverWithinMs: 5 * minuteMs,
  retry: defaultRetryPolicy,
  deadLetterSeverity: 'auto',
  slo: { target: 0.995, windowDays: 30 },
};

/** There from the first minute; a document of the same name takes a built-in one's place. */
export const builtInTemplates: readonly Template[] = [
  {
    name: 'payments-critical',
    version: 1,
    description:
      'money waits for it: delivered within a minute, retried densely, and every dead letter is a page',
    timeoutMs: 10 * secondMs,
    deliverWithinMs: minuteMs,
    retry: {
      backoff: {
        kind: 'schedule',
        delaysMs: [
          2 * secondMs,
          10 * secondMs,
          30 * secondMs,
          2 * minuteMs,
          10 * minuteMs,
          30 * minuteMs,
          2 * hourMs,
          5 * hourMs,
          10 * hourMs,
          10 * hourMs,
          24 * hourMs,
        ],
      },
      jitter: 0.1,
      giveUpAfterMs: 7 * 24 * hourMs,
    },
    deadLetterSeverity: 'page',
    slo: { target: 0.999, windowDays: 30 },
  },
  standardTemplate,
  {
    name: 'best-effort',
    version: 1,
    description: 'not urgent: five attempts over seven hours, and its dead letters page no one',
    timeoutMs: 15 * secondMs,
    deliverWithinMs: hourMs,
    retry: {
      backoff: { kind: 'schedule', delaysMs: [30 * secondMs, 5 * minuteMs, hourMs, 6 * hourMs] },
      jitter: 0.1,
      giveUpAfterMs: 24 * hourMs,
    },
    deadLetterSeverity: 'ticket',
    slo: { target: 0.95, windowDays: 30 },
  },
];

/** A template as it is declared. */
export interface TemplateDocument {
  readonly description: string;
  readonly timeout_ms: number;
  readonly deliver_within_s: number;
  readonly retry?: RetryDocument | undefined;
  readonly dead_letter_alert: { readonly severity: Template['deadLetterSeverity'] };
  readonly slo: { readonly target: number; readonly window_days: number } | null;
}

/** A template as it is stored: what was declared, and what it comes to. */
export interface StoredTemplate {
  readonly document: TemplateDocument;
  readonly template: Template;
}

/** All templates by name: the built-in ones, and those that replace or extend them. */
export function templatesBy(
  stored: readonly { readonly name: string; readonly document: StoredTemplate }[],
): ReadonlyMap<string, Template> {
  return new Map([
    ...builtInTemplates.map((template): [string, Template] => [template.name, template]),
    ...stored.map(({ name, document }): [string, Template] => [name, document.template]),
  ]);
}
