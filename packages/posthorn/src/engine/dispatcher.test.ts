import { expect, test } from 'vitest';
import { aClock } from '../../../../test/manual-clock.ts';
import { anEndpoint, anEvent } from '../../../../test/support.ts';
import { nodeClock } from '../runtime/clock.ts';
import { systemRandom } from '../runtime/random.ts';
import { Sharing } from '../runtime/sharing.ts';
import { plainKeyring } from '../secrets/keyring.ts';
import { Dispatcher } from './dispatcher.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };

test('G8: of 300 endpoints at once, 100 attempts begin in a turn of the event loop, half of 25 of one tenant while several are active, and tenants take turns', () => {
  const base = aClock();
  const begun: string[] = [];
  const dispatcher = new Dispatcher({
    store: {
      claim: () => Promise.reject(new Error('nothing is claimed here')),
      release: () => Promise.resolve(),
    },
    transport: {
      capacity: 4096,
      post: ({ url }) => {
        begun.push(url);
        return new Promise(() => {});
      },
      close: () => Promise.resolve(),
    },
    outcomes: { push: () => {} },
    clock: nodeClock(base),
    sharing: new Sharing(base),
    random: systemRandom,
    keyring: plainKeyring,
    logger: silent,
    node: 'n1',
    userAgent: 'test',
    gate: { mayClaim: true },
    health: {
      noteBreaker: () => {},
      noteThrottle: () => {},
      noteGone: () => {},
      noteContact: () => {},
      noteFailing: () => {},
      noteCertificate: () => {},
    },
  });
  const endpoints = Array.from({ length: 300 }, (_, at) =>
    anEndpoint({ id: `ep_${at}`, tenant: at < 299 ? 'flood' : 'other', url: `http://h${at}/` }),
  );
  dispatcher.own(Array.from({ length: 64 }, (_, shard) => shard));
  for (const endpoint of endpoints) dispatcher.setEndpoint(endpoint.id, endpoint);
  dispatcher.begin();
  const groups = [[anEvent()]];
  const claimed = endpoints.map(({ id }, number) => ({
    number,
    endpointId: id,
    leaseUntil: 60_000,
    group: 0,
    event: 0,
  }));
  const { admission } = dispatcher;
  const options = admission.reserve(0, groups);
  const answer = { groups: [], claimed, waiting: [], fanOuts: 0 };
  admission.admit({ groups, options, answer, traces: [null] });
  expect(begun).toHaveLength(100);
  base.pass(1);
  expect(begun).toHaveLength(113);
  // The other tenant's only endpoint came last, and has not waited for all of the first one's.
  expect(begun).toContain('http://h299/');
  const admit = (index: number): void => {
    const again = { ...claimed[index]!, number: 300 + index };
    admission.admit({ groups, options, answer: { ...answer, claimed: [again] }, traces: [null] });
  };
  // The flood has used its half; what is accepted of the other one begins in the next turn's free half at once.
  base.pass(1);
  expect(begun).toHaveLength(126);
  admit(0);
  expect(begun).toHaveLength(126);
  admit(299);
  expect(begun.slice(126)).toEqual(['http://h299/']);
  for (let turn = 0; turn < 14; turn++) base.pass(1);
  expect(begun).toHaveLength(302);
});
