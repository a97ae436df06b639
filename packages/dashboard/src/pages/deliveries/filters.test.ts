import { expect, test } from 'vitest';
import { bucketsOf, bulkFilter, usualLast, filtersFrom, filterWords, isCounted } from './filters.ts';

test('filters are those of the URL that the API knows', () => {
  expect(filtersFrom({ state: 'dead,pending', last: '24h', owner: ' ', nothing: 'x' })).toEqual({
    state: 'dead,pending',
  });
});

test('what is known by an id is looked for further back', () => {
  expect(usualLast({ redrive_id: 'rdr_1' })).toBe('30d');
  expect(usualLast({ state: 'dead' })).toBe('24h');
});

test('a filter reads as a sentence', () => {
  expect(
    filterWords({ state: 'dead,pending', endpoint_id: 'orders', error_class: 'timeout', late: 'true' }),
  ).toBe('dead letters or pending, at orders, timeout, late');
  expect(filterWords({})).toBe('');
});

test('counters know tenants, endpoints, types, owners and states', () => {
  expect(isCounted({ state: 'dead', owner: 'shop', tenant: 'a' })).toBe(true);
  expect(isCounted({ state: 'dead', error_class: 'timeout' })).toBe(false);
});

test('rows are counted by when they were created; what is outside of the window is not', () => {
  const at = (ms: number): string => new Date(ms).toISOString();
  const { times, stepMs, byState } = bucketsOf(
    [
      { created_at: at(0), state: 'dead' },
      { created_at: at(9999), state: 'dead' },
      { created_at: at(10_000), state: 'pending' },
      { created_at: at(90_000), state: 'dead' },
      { created_at: at(-1), state: 'dead' },
    ],
    { since: 0, until: 40_000 },
    4,
  );
  expect(times).toEqual([0, 10_000, 20_000, 30_000]);
  expect(stepMs).toBe(10_000);
  expect(byState.get('dead')).toEqual([2, 0, 0, 0]);
  expect(byState.get('pending')).toEqual([0, 1, 0, 0]);
});

test('what a list shows is redriven by the same filter, or it is said why not', () => {
  expect(
    bulkFilter({
      state: 'dead,pending',
      endpoint_id: 'a,b',
      status_code: '503',
      since: '2026-11-25T02:00:00Z',
    }),
  ).toEqual({
    state: ['dead'],
    endpoint_id: ['a', 'b'],
    status_code: [503],
    since: '2026-11-25T02:00:00Z',
  });
  expect(bulkFilter({ since: 'x' })).toEqual({ state: ['dead', 'suppressed'], since: 'x' });
  expect(bulkFilter({ owner: 'shop', late: 'true' })).toContain('owner and late');
  expect(bulkFilter({ state: 'delivered' })).toContain('Only dead letters');
  expect(bulkFilter({ state: 'delivered' }, 'replay')).toEqual({ state: ['delivered'] });
  expect(bulkFilter({ late: 'true' }, 'replay')).toContain('A replay cannot go by late');
});
