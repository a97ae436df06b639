import { makeEvent, type NewEvent, UnavailableError } from 'posthorn/domain';
import { tenant } from './endpoints.ts';
import { eventIdFor, inBatches } from './plan.ts';
import { drawnAt } from 'posthorn/runtime';
import type { WorldView } from './world-view.ts';

/** A publisher that hears nothing for so long asks again, another node. */
const patienceMs = 10_000;

/** The payment service: hands its payments over as they come, batch by batch, until each is acknowledged. */
export class Publisher {
  readonly #world: WorldView;
  #open = 0;

  constructor(world: WorldView) {
    this.#world = world;
  }

  /** Batches that are not acknowledged yet. */
  get open(): number {
    return this.#open;
  }

  start(): void {
    const { plan, scenario, time } = this.#world;
    inBatches(plan, scenario.batch_every_s * 1000, time, (batch) => this.#publish(batch, 0));
  }

  /** Hands a batch over until it is acknowledged, as a service with an outbox does: at one node, and at another. */
  #publish(batch: readonly number[], tries: number): void {
    const { seed } = this.#world.plan;
    if (tries === 0) this.#open++;
    const events = batch.map((payment) => this.#eventOf(payment));
    for (const payment of batch)
      if (this.#world.history.published[payment] === 0) this.#world.history.published[payment] = 1;
    const up = this.#world.nodes.filter((node) => node.up && node.engine!.status().ready);
    const again = (ms: number): void =>
      void this.#world.time.after(ms, () => this.#publish(batch, tries + 1));
    if (up.length === 0) return again(500);
    const node = up[Math.floor(drawnAt(seed + 60, batch[0]!, tries, 0) * up.length)]!;
    const { incarnation } = node;
    const wire = this.#world.scenario.nodes > 1 ? 1 + 4 * drawnAt(seed + 61, batch[0]!, tries, 0) : 0;
    let ended = false;
    const end = (fn: () => void): void => {
      if (ended) return;
      ended = true;
      fn();
    };
    const impatient = this.#world.time.after(patienceMs, () => end(() => again(100)));
    node.later(incarnation, wire, () => {
      node.engine!.publish(events).then(
        (receipts) => {
          node.later(incarnation, 0, () =>
            end(() => {
              impatient();
              this.#open--;
              for (const [index, { deliveries }] of receipts.entries())
                this.#acknowledged(batch[index]!, deliveries);
              this.#world.note(
                () =>
                  `${node.name} acknowledges ${batch.length === 1 ? `payment ${batch[0]}` : `payments ${batch[0]} to ${batch.at(-1)}`}`,
              );
            }),
          );
        },
        (error: unknown) => {
          node.later(incarnation, 0, () =>
            end(() => {
              impatient();
              if (error instanceof UnavailableError) again(1000);
              else this.#world.found('defect', `publishing failed: ${String(error)}`);
            }),
          );
        },
      );
    });
  }

  /** The receipt is out: from now on nothing may take its deliveries away (G1). */
  #acknowledged(payment: number, deliveries: number): void {
    this.#world.history.published[payment] = 2;
    this.#world.history.promised[payment] = deliveries;
    if (this.#world.scenario.check !== 'every_step') return;
    const found = this.#world.db.get(
      // Those that are still to be created are as safe as those that are: a row says so.
      `SELECT e.deliveries, (SELECT count(*) FROM deliveries d WHERE d.event_number = e.number)
         + coalesce((SELECT f.remaining FROM fan_out_events f WHERE f.event_number = e.number), 0) FROM events e WHERE e.id = ?`,
      eventIdFor(payment),
    );
    if (found === undefined)
      this.#world.found('promise', `payment ${payment} was acknowledged before it was stored (G1)`);
    else if ((found[1] as number) < deliveries)
      this.#world.found(
        'promise',
        `payment ${payment} was acknowledged with ${deliveries} deliveries, and has ${found[1]}`,
      );
    const wanted = this.#world.endpoints.length - this.#world.deleted.size;
    // The receipt of an event that was accepted before counts what retention has left of it.
    const pruned = this.#world.checker.gone.filter(({ eventId }) => eventId === eventIdFor(payment)).length;
    if (deliveries + pruned < wanted)
      this.#world.found(
        'promise',
        `payment ${payment} has ${deliveries} deliveries, and ${wanted} endpoints want it: a suppressed one is recorded too (G5)`,
      );
  }

  #eventOf(payment: number): NewEvent {
    const { plan, scenario } = this.#world;
    const id = eventIdFor(payment);
    const customer = plan.customers[payment]!;
    const amount = plan.amounts[payment]!;
    const { currency } = scenario.value;
    return makeEvent({
      id,
      callerId: true,
      tenant,
      type: 'payment.succeeded',
      data: `{"payment_id":"${id}","amount_minor":${amount},"currency":"${currency}"}`,
      orderingKey: customer < 0 ? null : `cus-${customer}`,
      value: { amountMinor: BigInt(amount), currency },
    });
  }
}
