import { exactMinor, type Value } from '../domain/money.ts';
import type { RetryDocument, RetryPolicy } from '../domain/retry-policy.ts';
import type { Money } from '../store/accounting.ts';

// Conversions from the domain's form to the wire's: one place for each resource.

export function wireRetry({ backoff, jitter, giveUpAfterMs }: RetryPolicy): RetryDocument {
  return {
    ...(backoff.kind === 'schedule'
      ? { schedule_s: backoff.delaysMs.map((ms) => ms / 1000) }
      : {
          exponential: {
            base_s: backoff.baseMs / 1000,
            factor: backoff.factor,
            max_s: backoff.maxMs / 1000,
            attempts: backoff.attempts,
          },
        }),
    jitter,
    give_up_after_s: giveUpAfterMs / 1000,
  };
}

export function wireMoney({ currency, amountMinor, events }: Money): {
  currency: string;
  amount_minor: number | string;
  events: number;
} {
  return { currency, amount_minor: exactMinor(amountMinor), events };
}

export function wireValue(value: Value | null): { currency: string; amount_minor: number | string } | null {
  return value === null ? null : { amount_minor: exactMinor(value.amountMinor), currency: value.currency };
}
