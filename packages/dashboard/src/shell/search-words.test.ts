import { expect, test } from 'vitest';
import { actionsOn, asksFor, matching, pathOf } from './search-words.ts';

test('a verb before a name asks for an action; anything else is a name', () => {
  expect(asksFor('  Pause  orders.kestrel.example ')).toEqual({
    action: 'pause',
    rest: 'orders.kestrel.example',
  });
  expect(asksFor('pause')).toEqual({ action: 'pause', rest: '' });
  expect(asksFor('paused orders')).toEqual({ action: null, rest: 'paused orders' });
  expect(asksFor('constructor x')).toEqual({ action: null, rest: 'constructor x' });
});

test('actions lead to what asks first, and are those of endpoints', () => {
  const endpoint = { kind: 'endpoint', id: 'ep_1', title: 'orders.example' } as const;
  expect(actionsOn(endpoint, ['pause', 'redrive'])).toEqual([
    { title: 'Pause orders.example…', path: '/endpoints/ep_1?do=pause' },
    { title: 'Redrive dead letters at orders.example…', path: '/dead-letters?endpoint_id=ep_1' },
  ]);
  expect(actionsOn({ ...endpoint, kind: 'team' }, ['pause'])).toEqual([]);
});

test('titles match by all words, in any order; ids are written into paths safely', () => {
  const all = [{ title: 'Theme: dark' }, { title: 'Show times in local time' }];
  expect(matching(all, 'DARK theme')).toEqual([all[0]]);
  expect(matching(all, '')).toEqual(all);
  expect(pathOf({ kind: 'event', id: 'a/b?', tenant: null })).toBe('/events/default/a%2Fb%3F');
});
