import { type OutboundRequest, parseSecret, sign } from 'posthorn/engine';
import type { LabNode } from './node.ts';
import { parseDeliveryId } from 'posthorn/domain';
import { drawnAt } from 'posthorn/runtime';
import type { WorldView } from './world-view.ts';

/** Looks at every request that leaves a node. */
export class AttemptChecker {
  readonly #world: WorldView;
  readonly #flying = new Map<
    string,
    { claim: number; endsAt: number; node: LabNode; incarnation: number }[]
  >();

  constructor(world: WorldView) {
    this.#world = world;
  }

  /** An attempt begins: no other may be in flight under a lease that still runs (G3). */
  begins(delivery: string, claim: number, endpoint: number, endsAt: number, node: LabNode): void {
    if (this.#world.history.attempts === null) return;
    const now = this.#world.time.elapsed;
    // An attempt that ends within its lease cannot be overtaken; an embedded node with a wrong clock cannot know.
    const own = this.#world.checker.leases.get(`${delivery}/${claim}`) ?? 0;
    const { timeoutMs } = this.#world.endpoints[endpoint]!;
    if (
      this.#world.nodes.length > 1 &&
      own > 0 &&
      this.#world.clockNow + timeoutMs > own + 2 &&
      !this.#world.isUnsteady(node)
    )
      this.#world.found(
        'lease',
        `${delivery}: attempt ${claim} begins too late to end within its lease (G3)`,
      );
    const dead = this.#world.keys.heldBy(parseDeliveryId(delivery)!);
    if (dead !== null && !this.#troubled(node.name, now))
      this.#world.found('blocked', `${delivery}: an attempt begins while ${dead} blocks its key`);
    const flying = (this.#flying.get(delivery) ?? []).filter((one) => one.endsAt > now);
    for (const other of flying) {
      const lease = this.#world.checker.leases.get(`${delivery}/${other.claim}`) ?? Number.POSITIVE_INFINITY;
      const excused =
        other.node.incarnation !== other.incarnation ||
        this.#world.clockNow >= lease - 1000 ||
        this.#troubled(other.node.name, now) ||
        this.#troubled(node.name, now);
      if (!excused || other.claim === claim)
        this.#world.found(
          'overlap',
          `${delivery}: attempt ${claim} begins while attempt ${other.claim} is in flight under its lease (G3)`,
        );
    }
    flying.push({ claim, endsAt, node, incarnation: node.incarnation });
    this.#flying.set(delivery, flying);
  }

  #troubled(node: string, at: number): boolean {
    return this.#world.troubles.some(
      (trouble) => trouble.node === node && trouble.at <= at && trouble.until >= at,
    );
  }

  /** Small worlds check every signature, large ones one in a thousand: the engine signs all alike. */
  signature(request: OutboundRequest, endpoint: number): void {
    if (
      this.#world.history.attempts === null &&
      drawnAt(this.#world.plan.seed + 70, this.#world.time.fired, endpoint, 0) > 0.001
    )
      return;
    const of = (name: string): string => request.headers[request.headers.indexOf(name) + 1]!;
    const { secret } = this.#world.endpoints[endpoint]!.secrets[0]!;
    const wanted = sign(
      [parseSecret(secret)],
      of('webhook-id'),
      Number(of('webhook-timestamp')),
      request.body,
    );
    if (of('webhook-signature') !== wanted)
      this.#world.found('defect', `${of('posthorn-delivery')} carries a wrong signature`);
  }
}
