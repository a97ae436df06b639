import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../../posthorn/src/runtime/seeded-random.ts';
import {
  benjaminiHochberg,
  chiSquaredTail,
  denseRuns,
  findStep,
  fisherExact,
  gTest,
  holm,
  independence,
  poissonRates,
  riskRatio,
  trend,
} from './statistics.ts';

describe('statistics of the audit, against published values', () => {
  test('Fisher: the lady tasting tea, and convictions of twins (Fisher 1935)', () => {
    expect(
      fisherExact([
        [3, 1],
        [1, 3],
      ]),
    ).toBeCloseTo(0.4857143, 6);
    // R: fisher.test(matrix(c(10, 3, 2, 15), 2))$p.value
    expect(
      fisherExact([
        [10, 2],
        [3, 15],
      ]),
    ).toBeCloseTo(0.0005367241, 9);
    expect(
      fisherExact([
        [4, 0],
        [0, 4],
      ]),
    ).toBeCloseTo(2 / 70, 9);
  });

  test('chi-squared with one degree of freedom: the usual quantiles', () => {
    expect(chiSquaredTail(3.841458820694124)).toBeCloseTo(0.05, 10);
    expect(chiSquaredTail(6.6348966010212145)).toBeCloseTo(0.01, 10);
    expect(chiSquaredTail(10.827566170662733) / 0.001).toBeCloseTo(1, 8);
    expect(chiSquaredTail(23.928126780258) / 1e-6).toBeCloseTo(1, 5);
  });

  test('G-test: nothing where rows agree; falls to Fisher where a cell is expected below five', () => {
    expect(
      gTest([
        [10, 90],
        [20, 180],
      ]).p,
    ).toBeCloseTo(1, 9);
    // 2 Σ O ln(O/E) by hand for [[30, 70], [10, 90]]
    expect(
      gTest([
        [30, 70],
        [10, 90],
      ]).g,
    ).toBeCloseTo(12.97151, 5);
    expect(
      independence([
        [30, 70],
        [10, 90],
      ]).name,
    ).toBe('G-test');
    expect(
      independence([
        [3, 1],
        [1, 3],
      ]).name,
    ).toBe('Fisher exact');
  });

  test('Benjamini and Hochberg: as R’s p.adjust', () => {
    expect(benjaminiHochberg([0.01, 0.02, 0.03, 0.04, 0.05]).map((p) => p.toFixed(9))).toEqual(
      Array.from({ length: 5 }).fill('0.050000000'),
    );
    expect(benjaminiHochberg([0.001, 0.5, 0.02]).map((p) => Number(p.toFixed(6)))).toEqual([
      0.003, 0.5, 0.03,
    ]);
  });

  test('risk ratio: aspirin in the Physicians’ Health Study, 0.55 (0.43 to 0.70); finite where a cell is empty', () => {
    const { ratio, interval } = riskRatio([
      [104, 10_933],
      [189, 10_845],
    ]);
    expect([ratio, ...interval].map((value) => value.toFixed(2))).toEqual(['0.55', '0.43', '0.70']);
    expect(
      riskRatio([
        [5, 0],
        [0, 50],
      ]).ratio,
    ).toBeGreaterThan(50);
  });

  test('two Poisson rates: 10 of 12 in a tenth of the time', () => {
    // 1 − pbinom(9, 12, 0.1)
    expect(poissonRates(10, 2, 0.1)).toBeCloseTo(5.455e-9, 11);
    expect(poissonRates(0, 12, 0.1)).toBe(1);
  });

  test('Cochran and Armitage: a flat rate is not a trend, a rising one is', () => {
    expect(
      trend([
        { n: 100, k: 5 },
        { n: 100, k: 5 },
        { n: 100, k: 5 },
      ]).z,
    ).toBeCloseTo(0, 9);
    // R: prop.trend.test(c(83, 90, 129, 70), c(86, 93, 136, 82)): X² = 8.2249, p = 0.004132 (a falling one)
    const fleiss = trend([
      { n: 86, k: 83 },
      { n: 93, k: 90 },
      { n: 136, k: 129 },
      { n: 82, k: 70 },
    ]);
    expect(fleiss.z ** 2).toBeCloseTo(8.2249, 3);
    expect(fleiss.p).toBeCloseTo(1 - 0.004132 / 2, 5);
  });

  test('a step is found where it is, and none where there is none', () => {
    const random = new SeededRandom(1, 'steps');
    const deal = (rate: (bin: number) => number): { n: number; k: number }[] =>
      Array.from({ length: 60 }, (_, bin) => ({
        n: 500,
        k: Array.from({ length: 500 }).filter(() => random.float() < rate(bin)).length,
      }));
    const step = findStep(
      deal((bin) => (bin < 40 ? 0.001 : 0.01)),
      random,
      true,
    )!;
    expect(Math.abs(step.at - 40)).toBeLessThanOrEqual(2);
    expect(step.p).toBeLessThan(0.01);
    const quiet = Array.from(
      { length: 40 },
      () =>
        findStep(
          deal(() => 0.003),
          random,
          true,
        )?.p ?? 1,
    );
    expect(quiet.filter((p) => p < 0.05).length).toBeLessThanOrEqual(6);
    expect(findStep([{ n: 10, k: 1 }], random, true)).toBeNull();
    expect(
      findStep(
        [
          { n: 10, k: 0 },
          { n: 10, k: 0 },
        ],
        random,
        true,
      ),
    ).toBeNull();
  });
});

describe('several looks, and runs', () => {
  test('Holm: the smallest by their number, and never less than one before', () => {
    expect(holm([0.01, 0.04, 0.03, 0.005])).toEqual([0.03, 0.06, 0.06, 0.02].map((p) => expect.closeTo(p)));
    expect(holm([0.6, 0.9])).toEqual([1, 1]);
    expect(holm([])).toEqual([]);
  });

  test('dense runs: an outage is found with its ends, a failure here and there is none', () => {
    const hits = (text: string): boolean[] => Array.from(text, (char) => char === 'x');
    const quiet = '.'.repeat(60);
    expect(denseRuns(hits(`${quiet}xxxx.xxxxx${quiet}`), 0.02, 0.9, 15)).toEqual([[60, 69]]);
    expect(denseRuns(hits(`x${quiet}xx${quiet}xxx${quiet}x`), 0.02, 0.9, 15)).toEqual([]);
    // Two outages with a healthy day between them are two.
    expect(denseRuns(hits(`xxxxxx${quiet}xxxxxx`), 0.02, 0.9, 15)).toEqual([
      [0, 5],
      [66, 71],
    ]);
    expect(denseRuns([], 0.02, 0.9, 15)).toEqual([]);
  });
});
