import type { NewEvent } from '../packages/posthorn/src/domain/event.ts';
import { newEventId } from '../packages/posthorn/src/domain/ids.ts';
import { shardCount } from '../packages/posthorn/src/domain/shard.ts';
import { createEngine } from '../packages/posthorn/src/engine/engine.ts';
import { nodeClock, systemClock } from '../packages/posthorn/src/runtime/clock.ts';
import { createLogger } from '../packages/posthorn/src/runtime/logger.ts';
import { systemRandom as random } from '../packages/posthorn/src/runtime/random.ts';
import { plainKeyring } from '../packages/posthorn/src/secrets/keyring.ts';
import { createAddressGuard } from '../packages/posthorn/src/transport/address-guard.ts';
import { systemNames } from '../packages/posthorn/src/transport/name-lookup.ts';
import { createHttpTransport } from '../packages/posthorn/src/transport/http-transport.ts';
import { anEndpoint, anEvent } from '../test/support.ts';
import type { Store } from '../packages/posthorn/src/store/store.ts';
import { payments } from './payments.ts';

/** The nth payment event, with an id as the API makes them: one shard for 256 events, then the next. */
function payment(now: number, n: number): NewEvent {
  const shard = Math.floor(n / 256) % shardCount;
  const id = newEventId(now, random.bytes(14), shard);
  return anEvent({ ...payments[n % payments.length], id, callerId: false, shard });
}

/** Fills a store with `count` deliveries that are due now, to one endpoint. */
export async function fillBacklog(
  store: Store,
  url: string,
  count: number,
  maxInFlight: number,
): Promise<void> {
  const now = Date.now();
  await store.write.createEndpoint(
    anEndpoint({ url, maxInFlight, timeoutMs: 15_000, createdAt: now, updatedAt: now }),
  );
  for (let at = 0; at < count; at += 500) {
    const events = Array.from({ length: Math.min(500, count - at) }, (_, n) => payment(now, at + n));
    await store.write.accept([events], { now, node: 'filler', leaseMs: 0, defaultRoom: 0, room: new Map() });
  }
}

/** Fills a store with `count` deliveries that were delivered at their first attempt, to one endpoint, which gets nothing more. */
export async function fillHistory(store: Store, count: number): Promise<void> {
  const now = Date.now() - 60_000;
  const endpoint = anEndpoint({
    url: 'http://127.0.0.1:1/',
    timeoutMs: 15_000,
    createdAt: now,
    updatedAt: now,
  });
  await store.write.createEndpoint(endpoint);
  for (let at = 0; at < count; at += 1000) {
    const events = Array.from({ length: Math.min(1000, count - at) }, (_, n) => payment(now, at + n));
    const room = events.length;
    const answer = await store.write.accept([events], {
      now,
      node: 'filler',
      leaseMs: 0,
      defaultRoom: room,
      room: new Map(),
    });
    await store.write.settle(
      answer.claimed.map(({ number, endpointId }) => ({
        number,
        endpointId,
        eventType: events[0]!.type,
        claim: 1,
        createdAt: now,
        state: 'delivered',
        dueAt: null,
        reason: 'delivered',
        now: now + 5,
        startedAt: now + 1,
        durationMs: 4,
        statusCode: 200,
        errorClass: null,
        message: null,
        leaseUntil: 0,
        wire: null,
        responseExcerpt: 'ok',
        trigger: 'schedule',
        node: 'filler',
        late: false,
        first: true,
        keyed: false,
      })),
    );
  }
  await store.write.updateEndpoint(endpoint.id, { eventTypes: ['nothing'], updatedAt: Date.now() });
}

/** Delivers what is due in a store until `count` have arrived and are settled; answers how many a second. */
export async function deliverAll(store: Store, count: number, onArrived = () => {}): Promise<number> {
  const transport = createHttpTransport({
    clock: systemClock,
    random,
    guard: createAddressGuard({ allowPrivateNetworks: true }),
    names: systemNames(systemClock),
  });
  const done = Promise.withResolvers<void>();
  let delivered = 0;
  const engine = createEngine({
    store,
    transport,
    clock: nodeClock(systemClock),
    random,
    keyring: plainKeyring,
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
