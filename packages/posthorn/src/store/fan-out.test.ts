import fc from 'fast-check';
import { expect, test } from 'vitest';
import { anEndpoint, anEvent, start } from '../../../../test/support.ts';
import { subscribes } from '../domain/endpoint.ts';
import { passesFilter } from '../domain/filter.ts';
import { EndpointIndex } from './endpoint-index.ts';
import { type FanOutEvent, nextBlock, targetsFrom, targetsText } from './fan-out.ts';
import { planAccept } from './plan.ts';

const options = { now: start, node: 'a', leaseMs: 1, defaultRoom: 0, room: new Map<string, number>() };

test('targets come back as they were', () => {
  const targets = [
    { num: 7, endpoint: { enabled: true, ordering: 'none' } },
    { num: 3, endpoint: { enabled: false, ordering: 'key' } },
    { num: 9, endpoint: { enabled: true, ordering: 'key' } },
  ] as const;
  expect(targetsFrom(targetsText(targets))).toEqual(targets);
  expect(targetsFrom(targetsText([]))).toEqual([]);
});

test('G1: steps of any size give every event exactly the endpoints that a direct accept gives it, in order', () => {
  const endpoint = fc.record({
    eventTypes: fc.constantFrom(['*'], ['a'], ['b'], ['a', 'b']),
    filter: fc.constantFrom(null, { '/n': 1 }),
    enabled: fc.boolean(),
  });
  const event = fc.record({
    type: fc.constantFrom('a', 'b', 'c'),
    data: fc.constantFrom('{"n":1}', '{"n":2}'),
  });
  fc.assert(
    fc.property(
      fc.array(endpoint, { maxLength: 20 }),
      fc.array(event, { minLength: 1, maxLength: 80 }),
      fc.integer({ min: 1, max: 60 }),
      (fields, contents, limit) => {
        const known = fields.map((of, num) => ({ num, endpoint: anEndpoint({ ...of, id: `ep_${num}` }) }));
        const index = new EndpointIndex();
        for (const one of known) index.keep(one);
        const events = contents.map((of) => anEvent(of));
        const source = {
          stored: () => undefined,
          subscribers: index.subscribers.bind(index),
          fanningOut: new Set<string>(),
        };
        const plan = planAccept([events], source, { ...options, maxDirect: 0 });
        const wanted = events.map(({ type, data }) =>
          known
            .filter(({ endpoint: e }) => subscribes(e.eventTypes, type))
            .filter(({ endpoint: e }) => e.filter === null || passesFilter(e.filter, JSON.parse(data))),
        );
        expect(plan.events.map(({ count, suppressed }) => [count, suppressed])).toEqual(
          wanted.map((list) => [list.length, list.filter(({ endpoint: e }) => !e.enabled).length]),
        );
        const direct = planAccept([events], source, { ...options, maxDirect: 1e6 });
        expect(direct.fanOuts).toEqual([]);
        expect(direct.events.map(({ deliveries }) => deliveries.map((d) => d.known.num))).toEqual(
          wanted.map((list) => list.map(({ num }) => num)),
        );
        const total = wanted.flat().length;
        expect(plan.fanOuts).toHaveLength(total === 0 ? 0 : 1);
        const made: string[] = [];
        for (const fanOut of plan.fanOuts) {
          const targets = targetsFrom(targetsText(fanOut.targets));
          let left: FanOutEvent[] = fanOut.events.map(({ planned, wanted: bits }, place) => ({
            place,
            number: events.indexOf(planned.event),
            type: planned.event.type,
            orderingKey: null,
            wanted: bits,
            cursor: 0,
            remaining: planned.count,
          }));
          while (left.length > 0) {
            const block = nextBlock(targets, left.slice(0, 8), limit);
            expect(block.deliveries.length).toBeLessThan(limit + 8);
            made.push(...block.deliveries.map(({ event: e, target }) => `${e.number} ${target.num}`));
            const by = new Map(block.events.map((of) => [of.place, of.made]));
            left = left
              .map((of) =>
                by.has(of.place)
                  ? { ...of, cursor: block.cursor, remaining: of.remaining - by.get(of.place)! }
                  : of,
              )
              .filter((of) => !(block.done && by.has(of.place)));
            expect(left.every(({ remaining }) => remaining >= 0)).toBe(true);
          }
        }
        expect(made.toSorted()).toEqual(
          wanted.flatMap((list, number) => list.map(({ num }) => `${number} ${num}`)).toSorted(),
        );
        // To one endpoint, an earlier event goes first.
        for (const { num } of known) {
          const of = made
            .filter((pair) => pair.endsWith(` ${num}`))
            .map((pair) => Number(pair.split(' ')[0]));
          expect(of).toEqual(of.toSorted((a, b) => a - b));
        }
      },
    ),
    { numRuns: 200 },
  );
});

test('what one call creates itself is bounded over all its requests', () => {
  const known = [1, 2, 3].map((num) => ({ num, endpoint: anEndpoint() }));
  const source = { stored: () => undefined, subscribers: () => known, fanningOut: new Set<string>() };
  const groups = [[anEvent()], [anEvent(), anEvent()], [anEvent()], [anEvent()]];
  const plan = planAccept(groups, source, { ...options, maxDirect: 7 });
  expect(plan.events.map(({ group, deliveries }) => [group, deliveries.length])).toEqual([
    [0, 3],
    [1, 0],
    [1, 0],
    [2, 3],
    [3, 0],
  ]);
  expect(plan.fanOuts.map(({ events }) => events.length)).toEqual([2, 1]);
});

test('only what is published under a key of a tenant that is fanned out goes behind it', () => {
  const known = [{ num: 1, endpoint: anEndpoint({ ordering: 'key' }) }];
  const source = { stored: () => undefined, subscribers: () => known, fanningOut: new Set(['busy']) };
  const inSteps = (fields: Parameters<typeof anEvent>[0]) =>
    planAccept([[anEvent(fields)]], source, options).fanOuts.length === 1;
  expect(inSteps({ tenant: 'busy', orderingKey: 'k' })).toBe(true);
  expect(inSteps({ tenant: 'busy' })).toBe(false);
  expect(inSteps({ tenant: 'calm', orderingKey: 'k' })).toBe(false);
});
