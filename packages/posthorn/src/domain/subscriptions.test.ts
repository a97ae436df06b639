import fc from 'fast-check';
import { expect, test } from 'vitest';
import { subscribes } from './endpoint.ts';
import { Subscriptions } from './subscriptions.ts';

const type = fc
  .array(fc.constantFrom('a', 'b', '', '*'), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join('.'));
const pattern = fc.oneof(
  fc.constant('*'),
  type,
  type.map((of) => `${of}.*`),
);
const subscriber = fc.record({ patterns: fc.array(pattern, { maxLength: 4 }), leaves: fc.boolean() });

test('those are found who take a type, as a look at each of them finds, after some have left', () => {
  fc.assert(
    fc.property(fc.array(subscriber, { maxLength: 8 }), type, (all, of) => {
      const subscriptions = new Subscriptions<(typeof all)[number]>();
      for (const one of all) subscriptions.add(one, one.patterns);
      for (const one of all) if (one.leaves) subscriptions.remove(one, one.patterns);
      const left = all.filter(({ leaves }) => !leaves);
      expect(new Set(subscriptions.of(of))).toEqual(
        new Set(left.filter(({ patterns }) => subscribes(patterns, of))),
      );
      expect([...subscriptions]).toEqual(left);
      expect(subscriptions.size).toBe(left.length);
    }),
  );
});
