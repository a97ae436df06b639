import type { DeliveryState } from './delivery.ts';

/** What becomes of an event that a receiver misses. The first that applies to one of its deliveries counts: it is sent once. */
const plans = ['pending', 'redrive', 'replay', 'cancelled'] as const;
export type MissingPlan = (typeof plans)[number];

const planFor: Readonly<Record<DeliveryState, MissingPlan>> = {
  pending: 'pending',
  dead: 'redrive',
  suppressed: 'redrive',
  delivered: 'replay',
  cancelled: 'cancelled',
};

/** The states that a job of each kind continues from: what ended undelivered goes on, what was delivered becomes new deliveries. */
export const statesSent = {
  redrive: ['dead', 'suppressed'],
  replay: ['delivered'],
} as const satisfies Readonly<Partial<Record<MissingPlan, readonly DeliveryState[]>>>;

/** The events that a receiver misses, each with what becomes of it. */
export class MissingEvents {
  readonly #plans = new Map<string, MissingPlan>();

  get size(): number {
    return this.#plans.size;
  }

  add(eventId: string, state: DeliveryState): void {
    const plan = planFor[state];
    const before = this.#plans.get(eventId);
    if (before === undefined || plans.indexOf(plan) < plans.indexOf(before)) this.#plans.set(eventId, plan);
  }

  idsOf(plan: MissingPlan): string[] {
    return [...this.#plans].flatMap(([id, of]) => (of === plan ? id : []));
  }
}
