import { newEventId } from '../src/domain/ids.ts';
import { shardCount } from '../src/domain/shard.ts';
import { createEngine } from '../src/engine/engine.ts';
import { systemClock as clock } from '../src/runtime/clock.ts';
import { createLogger } from '../src/runtime/logger.ts';
import { systemRandom as random } from '../src/runtime/random.ts';
import { createHttpTransport } from '../src/transport/http-transport.ts';
import { anEndpoint, anEvent } from '../test/support.ts';
import type { Store } from '../src/store/store.ts';
import { payments } from './payments.ts';

/** Fills a store with `count` deliveries that are due now, to one endpoint. */
export async function fillBacklog(
  store: Store,
  url: string,
  count: number,
  maxInFlight: number,
): Promise<void> {
  const now = Date.now();
  await store.createEndpoint(
    anEndpoint({ url, maxInFlight, timeoutMs: 15_000, createdAt: now, updatedAt: now }),
  );
  for (let at = 0; at < count; at += 500) {
    const events = Array.from({ length: Math.min(500, count - at) }, (_, n) => {
      // Ids as the API makes them: one shard for 256 events, then the next.
      const shard = Math.floor((at + n) / 256) % shardCount;
      const id = newEventId(now, random.bytes(14), shard);
      return anEvent({ ...payments[(at + n) % payments.length], id, callerId: false, shard });
    });
    await store.accept([events], { now, node: 'filler', leaseMs: 0, defaultRoom: 0, room: new Map() });
  }
}

/** Delivers what is due in a store until `count` have arrived and are settled; answers how many a second. */
export async function deliverAll(store: Store, count: number, onArrived = () => {}): Promise<number> {
  const transport = createHttpTransport({ clock, allowPrivateNetworks: true });
  const done = Promise.withResolvers<void>();
  let delivered = 0;
  const engine = createEngine({
    store,
    transport,
    clock,
    random,
    logger: createLogger('warn'),
    node: 'local',
    version: 'bench',
    observer: {
      accepted: () => {},
      storeFailed: () => {},
      settled: ({ state }, applied) =>
        applied && state === 'delivered' && ++delivered === count && done.resolve(),
    },
  });
  const began = performance.now();
  await engine.start();
  await done.promise;
  onArrived();
  // Until the last outcome is on disk.
  await engine.stop(10_000);
  const perS = (count / (performance.now() - began)) * 1000;
  await transport.close();
  return perS;
}
