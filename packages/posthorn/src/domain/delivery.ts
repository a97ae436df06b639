import type { ErrorClass } from './attempt.ts';
import { minuteMs } from './time.ts';
import { maxRetryAfterMs, retryDelayMs, type RetryPolicy } from './retry-policy.ts';

export const deliveryStates = ['pending', 'delivered', 'dead', 'cancelled', 'suppressed'] as const;
export type DeliveryState = (typeof deliveryStates)[number];

/** What caused an attempt: the retry clock, an operator, or a redrive of dead letters. */
export type Trigger = 'schedule' | 'manual' | 'redrive';

/** Why a delivery left `pending` or never entered it (G5). Cancelling adds the operator's reason after a colon. */
export type Reason =
  | 'delivered'
  | 'schedule_exhausted'
  | 'too_old'
  | 'gone'
  | 'corrupt'
  | 'endpoint_paused'
  | 'endpoint_deleted'
  | `cancelled: ${string}`;

export interface Outcome {
  readonly ok: boolean;
  readonly errorClass: ErrorClass | null;
  readonly retryAfterMs: number | null;
  /** The endpoint has another URL by now: what the former one answered delays nothing, and ends nothing. */
  readonly moved?: boolean;
}

/** What a finished attempt makes of its delivery. `dueAt` is a time exactly where the state is pending (G2). */
export interface Transition {
  readonly state: 'pending' | 'delivered' | 'dead';
  readonly dueAt: number | null;
  readonly reason: Reason | null;
}

/** An attempt that is due so long before it would be too late still begins in time. */
const lastMomentMs = 1000;
/** A delivery whose endpoint's secrets cannot be opened is tried again at least this often. */
const maxSecretsPauseMs = 10 * minuteMs;

/**
 * The delivery state machine's only step out of an attempt (G2, G5): pure.
 * `attemptsMade` counts this attempt too; `random` is uniform in [0, 1).
 */
export function afterAttempt(
  delivery: { readonly attemptsMade: number; readonly createdAt: number },
  outcome: Outcome,
  policy: RetryPolicy,
  now: number,
  random: number,
): Transition {
  if (outcome.ok) return { state: 'delivered', dueAt: null, reason: 'delivered' };
  const moved = outcome.moved === true;
  if (outcome.errorClass === 'gone' && !moved) return { state: 'dead', dueAt: null, reason: 'gone' };
  // A key that is missing here is not a receiver's answer: the delivery waits for it, whatever its schedule says.
  if (outcome.errorClass === 'secrets') {
    const pause = retryDelayMs(policy, delivery.attemptsMade, random) ?? maxSecretsPauseMs;
    return { state: 'pending', dueAt: now + Math.min(pause, maxSecretsPauseMs), reason: null };
  }
  const delay = retryDelayMs(policy, delivery.attemptsMade, random);
  if (delay === null) return { state: 'dead', dueAt: null, reason: 'schedule_exhausted' };
  const left = delivery.createdAt + policy.giveUpAfterMs - now;
  const scheduled = moved ? 0 : delay;
  if (scheduled > left) return { state: 'dead', dueAt: null, reason: 'too_old' };
  // A receiver delays an attempt by Retry-After, but not beyond the last moment in which it can begin.
  const longest = Math.min(maxRetryAfterMs, Math.max(0, left - lastMomentMs));
  const wait = moved ? 0 : Math.min(outcome.retryAfterMs ?? 0, longest);
  return { state: 'pending', dueAt: now + Math.max(scheduled, wait), reason: null };
}

/**
 * Whether the next attempt would begin later than the policy allows. An operator's command is carried out whatever the
 * age: only the schedule ends.
 */
export function isExpired(
  { trigger }: { readonly trigger: Trigger },
  { giveUpAfterMs }: RetryPolicy,
  ageMs: number,
): boolean {
  return trigger === 'schedule' && ageMs > giveUpAfterMs;
}

type Command = 'redrive' | 'cancel';

/**
 * Which states an operator's command may leave, and where it leads. Anything else is refused; but a dead letter that blocks its
 * ordering key can be cancelled too, which gives it up and lets the key go on.
 */
export const commandTransitions: Readonly<
  Record<Command, { readonly from: readonly DeliveryState[]; readonly to: DeliveryState }>
> = {
  // A pending delivery may be redriven too: it becomes due now, on the same clock (G3).
  redrive: { from: ['dead', 'suppressed', 'cancelled', 'pending'], to: 'pending' },
  // A suppressed delivery waits for an operator's decision: this is the other one.
  cancel: { from: ['pending', 'suppressed'], to: 'cancelled' },
};
