import { describe, expect, test } from 'vitest';
import { makePlan } from './plan.ts';
import { Network } from './network.ts';
import { parseScenario, parseScenarioYaml } from './scenario.ts';
import { normalQuantile, SeededRandom } from '../../posthorn/src/runtime/seeded-random.ts';
import { VirtualTime } from 'posthorn/runtime';

const least = { name: 'mine', payments: 10, hours: 1, endpoints: [{ name: 'orders' }] };

describe('virtual time', () => {
  test('fires by time, then in the order of setting; a cancelled timer never; promises rest in between', async () => {
    const time = new VirtualTime(0);
    const seen: string[] = [];
    time.after(20, () => seen.push('c'));
    time.after(10, () => {
      seen.push('a');
      void Promise.resolve()
        .then(() => {})
        .then(() => seen.push('a, later'));
    });
    time.after(10, () => seen.push('b'));
    time.after(15, () => seen.push('never'))();
    await time.run(time.now + 100, () => false);
    expect(seen).toEqual(['a', 'a, later', 'b', 'c']);
    expect(time.elapsed).toBe(100);
  });

  test('waiting for less than a clock can show lets time pass all the same', async () => {
    const time = new VirtualTime(0);
    let waited = 0;
    const again = (): void => {
      if (waited++ < 10) time.after(1e-9, again);
    };
    again();
    await time.run(time.now + 1, () => false);
    expect(waited).toBe(11);
    const at = time.now;
    time.after(1e-9, () => expect(time.now).toBeGreaterThan(at));
    await time.run(time.now + 1, () => false);
  });

  test('a thousand timers fire in order', async () => {
    const time = new VirtualTime(0);
    const random = new SeededRandom(1, 'timers');
    const fired: number[] = [];
    for (let n = 0; n < 1000; n++) time.after(random.float() * 1000, () => fired.push(time.now));
    await time.run(Number.POSITIVE_INFINITY, () => false);
    expect(fired).toHaveLength(1000);
    expect(fired).toEqual(fired.toSorted((a, b) => a - b));
  });
});

describe('scenarios', () => {
  test('a fault in a scenario is named by its path', () => {
    expect(() => parseScenario({ ...least, nodes: 0, network: { faults: { hang: 2 } }, colour: 1 })).toThrow(
      /nodes[\s\S]*network\.faults\.hang[\s\S]*colour/,
    );
    expect(() => parseScenarioYaml('name: [')).toThrow('not YAML');
  });

  test('YAML gives the same as data', () => {
    expect(parseScenarioYaml('name: mine\npayments: 10\nhours: 1\nendpoints:\n  - name: orders')).toEqual(
      parseScenario(least),
    );
  });
});

describe('a plan', () => {
  const scenario = parseScenario({ ...least, node_faults: { crash_per_hour: 50 }, nodes: 2 });

  test('is the same for the same seed, and another for another', () => {
    expect(makePlan(scenario, 1)).toEqual(makePlan(scenario, 1));
    expect(makePlan(scenario, 2)).not.toEqual(makePlan(scenario, 1));
  });

  test('taking things away leaves the rest as it was', () => {
    const all = makePlan(scenario, 1);
    const some = makePlan(scenario, 1, new Set(['f3', 'f7']));
    expect(some.nodeFaults).toEqual([all.nodeFaults[3], all.nodeFaults[7]]);
  });
});

describe('the network', () => {
  test('answers alike whatever was asked before, with the latencies of the scenario', () => {
    const scenario = parseScenario({ ...least, network: { latency_ms: { p50: 80, p99: 900 } } });
    const plan = makePlan(scenario, 5);
    const one = new Network(scenario, plan);
    const other = new Network(scenario, plan);
    const latencies = Array.from(
      { length: 20_000 },
      (_, n) => one.exchange(0, n, 1, 0).answeredAfter,
    ).toSorted((a, b) => a - b);
    expect(other.exchange(0, 17, 1, 99_999)).toEqual(one.exchange(0, 17, 1, 0));
    expect(latencies[10_000]).toBeCloseTo(80, -1);
    expect(latencies[19_800]! / 900).toBeCloseTo(1, 0);
  });

  test('faults come as often as they are asked for', () => {
    const scenario = parseScenario({ ...least, network: { faults: { hang: 0.1, http_500: 0.05 } } });
    const network = new Network(scenario, makePlan(scenario, 1));
    for (let n = 0; n < 20_000; n++) network.exchange(0, n, 1, 0);
    expect(network.faults['hang']! / 20_000).toBeCloseTo(0.1, 1);
    expect(network.faults['http_500']! / 20_000).toBeCloseTo(0.05, 1);
  });
});

test('the normal quantile matches known values', () => {
  expect(normalQuantile(0.975)).toBeCloseTo(1.959963985, 7);
  expect(normalQuantile(0.5)).toBeCloseTo(0, 9);
  expect(normalQuantile(0.01)).toBeCloseTo(-2.326347874, 7);
});
