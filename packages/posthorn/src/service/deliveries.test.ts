import { expect, test, vi } from 'vitest';
import { UnavailableError } from '../domain/errors.ts';
import { deliveryId } from '../domain/ids.ts';
import { localCall } from '../library/local-api.ts';
import type { CommandAnswer, DeliveryRecord } from '../store/store.ts';
import { deliveryService } from './deliveries.ts';
import type { ServiceDependencies } from './dependencies.ts';

const delivery: DeliveryRecord = {
  number: 1,
  eventId: 'evt_1',
  eventType: 'payment.succeeded',
  tenant: 'default',
  endpointId: 'ep_1',
  state: 'pending',
  attempts: 1,
  dueAt: 5000,
  createdAt: 0,
  settledAt: null,
  reason: null,
  lastErrorClass: null,
  lastStatusCode: null,
  lastMessage: null,
  blockedBy: null,
};

/** A store that goes away with the commit. */
function lastCommit(after: DeliveryRecord) {
  let isAway = false;
  const commit = async (): Promise<CommandAnswer> => {
    isAway = true;
    return { result: 'done', delivery: after };
  };
  const engine = { wake: vi.fn<() => void>(), clearThrottles: vi.fn<() => Promise<void>>() };
  const deps = {
    store: {
      read: {
        delivery: () => (isAway ? Promise.reject(new UnavailableError('away')) : Promise.resolve(delivery)),
      },
      write: { redriveDelivery: commit, cancelDelivery: commit },
    },
    engine,
    clock: { now: () => 1000 },
  } as unknown as ServiceDependencies;
  return { service: deliveryService(deps), engine };
}

const input = { params: { id: deliveryId(1) }, query: undefined };

test('G5: a redrive that is stored is answered as done, although the store can no longer be read', async () => {
  const { service, engine } = lastCommit({ ...delivery, dueAt: 1000 });
  expect(await service['deliveries.redrive']({ ...input, body: undefined }, localCall)).toMatchObject({
    state: 'pending',
    due_at: '1970-01-01T00:00:01.000Z',
  });
  expect(engine.clearThrottles).toHaveBeenCalledWith(['ep_1']);
  expect(engine.wake).toHaveBeenCalledWith(['ep_1']);
});

test('G5: a cancellation that is stored is answered as done, although the store can no longer be read', async () => {
  const { service, engine } = lastCommit({ ...delivery, state: 'cancelled', dueAt: null, settledAt: 1000 });
  const body = { reason: 'wrong customer' };
  expect(await service['deliveries.cancel']({ ...input, body }, localCall)).toMatchObject({
    state: 'cancelled',
    settled_at: '1970-01-01T00:00:01.000Z',
  });
  expect(engine.wake).toHaveBeenCalledWith(['ep_1']);
});
