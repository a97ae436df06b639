import { expect, test } from 'vitest';
import { aClock } from '../../../../test/manual-clock.ts';
import { anEndpoint, anEvent } from '../../../../test/support.ts';
import { nodeClock } from '../runtime/clock.ts';
import { Sharing } from '../runtime/sharing.ts';
import { systemRandom } from '../runtime/random.ts';
import { nextTurn } from '../runtime/turn.ts';
import { plainKeyring } from '../secrets/keyring.ts';
import type { ReleasedClaim, Settlement } from '../store/store.ts';
import type { OutboundRequest } from '../transport/transport.ts';
import { Dispatcher } from './dispatcher.ts';
import type { TransformAnswer, TransformRequest } from './transformer.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const transformation = { language: 'jsonata', expression: 'n' } as const;

/** One delivery to an endpoint with a transformation that gives this. */
async function attempt(
  answer: TransformAnswer,
  fields: { readonly transformation: typeof transformation | null },
) {
  const clock = aClock();
  const asked: TransformRequest[] = [];
  const sent: OutboundRequest[] = [];
  const settled: Settlement[] = [];
  const released: ReleasedClaim[] = [];
  const breakers: unknown[] = [];
  const dispatcher = new Dispatcher({
    store: {
      claim: () => Promise.resolve({ deliveries: [], nextDueAt: null }),
      release: async (claims) => void released.push(...claims),
    },
    transport: {
      capacity: 4096,
      post: (request) => {
        sent.push(request);
        return new Promise(() => {});
      },
      close: () => Promise.resolve(),
    },
    transformer: {
      transform: async (request) => {
        asked.push(request);
        return answer;
      },
    },
    outcomes: { push: (settlement) => void settled.push(settlement) },
    clock: nodeClock(clock),
    sharing: new Sharing(clock),
    random: systemRandom,
    keyring: plainKeyring,
    logger: silent,
    node: 'n1',
    userAgent: 'test',
    gate: { mayClaim: true },
    health: {
      noteBreaker: (change) => void breakers.push(change),
      noteThrottle: () => {},
      noteGone: () => {},
      noteContact: () => {},
      noteFailing: () => {},
      noteCertificate: () => {},
    },
  });
  const endpoint = anEndpoint({ id: 'ep_1', ...fields });
  dispatcher.own(Array.from({ length: 64 }, (_, shard) => shard));
  dispatcher.setEndpoint(endpoint.id, endpoint);
  dispatcher.begin();
  const groups = [[anEvent({ data: '{"n":1}' })]];
  const claimed = [{ number: 64, endpointId: 'ep_1', leaseUntil: clock.now() + 600_000, group: 0, event: 0 }];
  const options = dispatcher.admission.reserve(clock.now(), groups);
  const stored = { groups: [], claimed, waiting: [], fanOuts: 0 };
  dispatcher.admission.admit({ groups, options, answer: stored, traces: [null] });
  const sentAtOnce = sent.length;
  await nextTurn();
  return { asked, sent, sentAtOnce, settled, released, breakers, now: clock.now(), dispatcher };
}

test('an endpoint without a transformation is sent to at once', async () => {
  const { asked, sentAtOnce } = await attempt({ kind: 'busy' }, { transformation: null });
  expect({ asked, sentAtOnce }).toEqual({ asked: [], sentAtOnce: 1 });
});

test('what an expression gives is sent as the data', async () => {
  const { asked, sent } = await attempt({ kind: 'data', data: '[1]' }, { transformation });
  expect(asked).toMatchObject([
    { transformation, owner: { tenant: 'default', id: 'ep_1' }, data: '{"n":1}' },
  ]);
  expect(sent.map(({ body }) => body.toString())).toEqual([expect.stringMatching(/"data":\[1\]\}$/)]);
});

test('G5: a fault is an attempt of its own class, which says nothing of the receiver', async () => {
  const { sent, settled, breakers, dispatcher } = await attempt(
    { kind: 'fault', fault: 'the expression returned no value', detail: 'secret' },
    { transformation },
  );
  expect(sent).toEqual([]);
  expect(settled).toMatchObject([
    {
      state: 'pending',
      errorClass: 'transformation',
      message: 'the expression returned no value',
      statusCode: null,
    },
  ]);
  expect(breakers).toEqual([]);
  expect(dispatcher.inFlight).toBe(0);
});

test('G2: what gets no turn is given back, due a little later, and no attempt was made', async () => {
  const { sent, settled, released, now, dispatcher } = await attempt({ kind: 'busy' }, { transformation });
  expect({ sent, settled }).toEqual({ sent: [], settled: [] });
  expect(released).toEqual([{ number: 64, claim: 1, dueAt: now + 1000 }]);
  expect(dispatcher.inFlight).toBe(0);
});
