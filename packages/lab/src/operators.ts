import { engineActor, UnavailableError } from 'posthorn/domain';
import { beginRedrive, type Store } from 'posthorn/store';
import { tenant } from './endpoints.ts';
import type { LabNode } from './node.ts';
import { eventIdFor, type Operation } from './plan.ts';
import type { SharedStore } from './shared-store.ts';
import type { WorldView } from './world-view.ts';

/** Operators: they redrive, cancel, pause, replay, change and delete, at the worst time. */
export class Operators {
  readonly #world: WorldView;
  readonly #store: SharedStore;
  readonly #inner: Store;
  /** Payments that they have replayed or redriven. */
  readonly touched = new Set<number>();
  readonly deleted = new Set<number>();
  /** Dead letters that blocked a key and were tried once more. */
  readonly #redriven = new Set<number>();

  constructor(world: WorldView, store: SharedStore, inner: Store) {
    this.#world = world;
    this.#store = store;
    this.#inner = inner;
  }

  /** Does it when its time has come, unless the time of trouble is over. */
  plan(operation: Operation, over: () => boolean): void {
    this.#world.time.after(operation.at, () => {
      if (!over()) this.#carryOut(operation).catch((error: Error) => this.#failed(error));
    });
  }

  async #carryOut({ kind, pick, forMs, id }: Operation): Promise<void> {
    const up = this.#world.nodes.filter(
      (node) => node.up && node.frozenUntil === null && node.engine!.status().ready,
    );
    if (up.length === 0) return;
    const node = up[Math.floor(pick * 997) % up.length]!;
    const store = this.#store.of(node, node.incarnation);
    const { engine } = node;
    const now = this.#world.clockNow;
    const endpoint = this.#world.endpoints[Math.floor(pick * this.#world.endpoints.length)]!;
    this.#world.count(kind);
    this.#world.note(() => `an operator acts: ${kind} (${id})`);
    const wake = (endpointIds: readonly string[]): void => {
      engine!.wake(endpointIds);
      this.#store.hint(node, endpointIds);
    };
    if (kind === 'redrive' || kind === 'cancel') await this.#redriveOrCancel(store, kind, pick, now, wake);
    else if (kind === 'replay') {
      const sent = this.#world.history.published.findLastIndex((state) => state === 2);
      if (sent < 0) return;
      const payment = Math.floor(pick * (sent + 1));
      if (this.#world.history.published[payment] !== 2) return;
      this.touched.add(payment);
      await store.write.replayEvent(tenant, eventIdFor(payment), null, now);
      wake(this.#world.endpoints.map(({ id: one }) => one));
    } else if (kind === 'bulk_redrive') {
      for (const [eventId] of this.#world.db.all(
        'SELECT DISTINCT e.id FROM deliveries d JOIN events e ON e.number = d.event_number WHERE d.state IN (2, 4)',
      ))
        this.touched.add(Number((eventId as string).slice(4)));
      await beginRedrive(store, {
        id: `rdr_${id}`,
        kind: 'redrive',
        name: null,
        target: null,
        by: engineActor,
        filter: {},
        ratePerS: pick < 0.5 ? null : 20,
        dryRun: false,
        now,
      });
      wake([]);
    } else if (kind === 'pause') {
      await this.setEnabled(endpoint.id, false, node);
      this.#world.time.after(
        forMs,
        () => void this.setEnabled(endpoint.id, true).catch((error: Error) => this.#failed(error)),
      );
    } else if (kind === 'change') {
      const changed = await store.write.updateEndpoint(endpoint.id, {
        maxInFlight: 1 + Math.floor(pick * 64),
        // Where dead letters block keys they do not always.
        ...(endpoint.onDead === 'block' ? { onDead: (pick * 131) % 1 < 0.5 ? 'skip' : 'block' } : {}),
        updatedAt: now,
      });
      if (changed !== null) engine!.endpointChanged(endpoint.id, changed);
    } else {
      const index = this.#world.endpoints.indexOf(endpoint);
      // One endpoint at least stays.
      if (index === 0 || this.deleted.has(index)) return;
      this.deleted.add(index);
      await store.write.deleteEndpoint(endpoint.id, now);
      engine!.endpointChanged(endpoint.id, null);
    }
  }

  async #redriveOrCancel(
    store: ReturnType<SharedStore['of']>,
    kind: 'redrive' | 'cancel',
    pick: number,
    now: number,
    wake: (endpointIds: readonly string[]) => void,
  ): Promise<void> {
    const { db } = this.#world;
    const left = db.get('SELECT count(*) FROM deliveries WHERE state <> 1')![0] as number;
    // Mostly what is not delivered: that is where operators step in.
    const [row] = db.all(
      `SELECT d.number, p.id, e.id FROM deliveries d JOIN endpoints p ON p.num = d.endpoint JOIN events e ON e.number = d.event_number
       WHERE d.state <> 1 ORDER BY d.number LIMIT 1 OFFSET ?`,
      Math.floor(pick * Math.max(1, left)),
    );
    if (row === undefined) return;
    this.touched.add(Number((row[2] as string).slice(4)));
    if (kind === 'cancel') await store.write.cancelDelivery(row[0] as number, 'test', now);
    else if ((await store.write.redriveDelivery(row[0] as number, now)).result === 'done')
      wake([row[1] as string]);
  }

  /** Deals with what blocks keys, in the time of rest: a dead letter is redriven, or given up the second time. */
  freeKeys(): void {
    this.#freeKeys().catch((error: Error) => this.#failed(error));
  }

  async #freeKeys(): Promise<void> {
    const node = this.#world.nodes.find(({ up, frozenUntil }) => up && frozenUntil === null);
    if (node === undefined || !node.engine!.status().ready) return;
    const store = this.#store.of(node, node.incarnation);
    for (const { blockedBy, endpointId, eventId } of await this.#inner.read.blockedKeys({
      after: null,
      limit: 100,
    })) {
      const now = this.#world.clockNow;
      this.touched.add(Number(eventId.slice(4)));
      if (this.#redriven.has(blockedBy)) await store.write.cancelDelivery(blockedBy, 'given up', now);
      else await store.write.redriveDelivery(blockedBy, now);
      this.#redriven.add(blockedBy);
      this.#world.count('unblock');
      node.engine!.wake([endpointId]);
      this.#store.hint(node, [endpointId]);
    }
  }

  async setEnabled(id: string, enabled: boolean, by?: LabNode): Promise<void> {
    const change = {
      enabled,
      pausedReason: enabled ? null : 'test',
      updatedAt: this.#world.clockNow,
    };
    const node = by ?? this.#world.nodes.find(({ up, frozenUntil }) => up && frozenUntil === null);
    if (node === undefined) {
      this.#world.time.after(
        1000,
        () => void this.setEnabled(id, enabled).catch((error: Error) => this.#failed(error)),
      );
      return;
    }
    const { incarnation } = node;
    const changed = await this.#inner.write.updateEndpoint(id, change);
    this.#store.hint(node, 'config');
    if (changed !== null) node.later(incarnation, 0, () => node.engine!.endpointChanged(id, changed));
  }

  /** Tells a node of an endpoint as it stands, as the API does after a change. */
  async tellOf(node: LabNode, id: string): Promise<void> {
    const { incarnation } = node;
    const endpoint = await this.#inner.read.endpoint(id);
    node.later(incarnation, 0, () => node.engine!.endpointChanged(id, endpoint));
  }

  /** An operator's action may fail like any other call, and is not repeated. */
  #failed(error: Error): void {
    if (!(error instanceof UnavailableError))
      this.#world.found('defect', `an operation failed: ${error.stack ?? error.message}`);
  }
}
