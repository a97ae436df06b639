import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { toYaml } from './yaml.ts';

test('a document reads as it was, whatever it contains', () => {
  const document = {
    description: 'Orders: wait\nfor "it" # really',
    timeout_ms: 10_000,
    retry: { schedule_s: [5, 30.5], jitter: 0.1 },
    slo: null,
    yes: 'no',
    '/pointer': '2026-01-01',
    nested: [{ a: 1, b: ['x', 'y: z'] }, { c: {} }, []],
    empty: {},
    list: [],
  };
  const text = toYaml('templates', 'orders-2', document);
  expect(parse(text)).toEqual({ templates: { 'orders-2': document } });
  expect(text.startsWith('templates:\n  "orders-2":\n') || text.startsWith('templates:\n  orders-2:\n')).toBe(
    true,
  );
});
