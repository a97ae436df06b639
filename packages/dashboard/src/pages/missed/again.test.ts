import { expect, test } from 'vitest';
import { actionsOf } from './again.ts';
import type { Missing } from './compare.ts';

const missing = (event_id: string, state: Missing['state']): Missing =>
  ({ event_id, state, delivery_id: `dlv_${event_id}`, settled_at: null, value: null }) as Missing;
const window = { endpoint_id: 'ep_1', tenant: 'acme', since: '', until: '' };

test('what was delivered is replayed by its ids to this endpoint, what ended undelivered is redriven: each once', () => {
  const actions = actionsOf(
    [missing('a', 'delivered'), missing('b', 'dead'), missing('c', 'suppressed'), missing('a', 'delivered')],
    window,
  );
  expect(actions).toMatchObject([
    {
      kind: 'replay',
      endpointId: 'ep_1',
      filter: { tenant: ['acme'], endpoint_id: ['ep_1'], event_id: ['a'], state: ['delivered'] },
    },
    { kind: 'redrive', filter: { event_id: ['b', 'c'], state: ['dead', 'suppressed'] } },
  ]);
  expect(actionsOf([missing('a', 'pending')], window)).toEqual([]);
  // Sent once, by the delivery that goes on; and not at all while one is pending.
  expect(
    actionsOf([missing('a', 'delivered'), missing('a', 'dead')], window).map(({ kind }) => kind),
  ).toEqual(['redrive']);
  expect(actionsOf([missing('a', 'dead'), missing('a', 'pending')], window)).toEqual([]);
});
