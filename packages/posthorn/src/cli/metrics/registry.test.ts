import { expect, test } from 'vitest';
import { Registry } from './registry.ts';

test('counters and gauges: help, type, labels in their order, and no character that ends a value', () => {
  const registry = new Registry();
  registry.counter({ name: 'a_total', help: 'One\\two\nthree' }).at({}).value += 2;
  const state = registry.gauge({ name: 'b', help: 'State', labels: ['kind', 'name'] });
  state.at({ name: 'x"\\\n', kind: 'k' }).value = 0.5;
  state.at({ kind: 'k', name: 'y' }).value = Number.POSITIVE_INFINITY;
  state.at({ name: 'y', kind: 'k' }).value = Number.NaN;
  expect(registry.render()).toBe(
    [
      '# HELP a_total One\\\\two\\nthree',
      '# TYPE a_total counter',
      'a_total 2',
      '',
      '# HELP b State',
      '# TYPE b gauge',
      'b{kind="k",name="x\\"\\\\\\n"} 0.5',
      'b{kind="k",name="y"} NaN',
      '',
    ].join('\n'),
  );
  state.clear();
  expect(registry.render()).toMatch(/# TYPE b gauge\n$/);
});

test('histograms: each bucket counts all that is not above its bound, and the last one everything', () => {
  const registry = new Registry();
  const durations = registry.histogram({ name: 'd_seconds', help: 'Time', labels: ['outcome'] }, [0.5, 1]);
  for (const value of [0.25, 0.5, 0.75, 9]) durations.at({ outcome: 'ok' }).observe(value);
  expect(registry.render().split('\n').slice(2)).toEqual([
    'd_seconds_bucket{le="0.5",outcome="ok"} 2',
    'd_seconds_bucket{le="1",outcome="ok"} 3',
    'd_seconds_bucket{le="+Inf",outcome="ok"} 4',
    'd_seconds_sum{outcome="ok"} 10.5',
    'd_seconds_count{outcome="ok"} 4',
    '',
  ]);
});
