import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { mutants } from '../../packages/lab/src/mutants.ts';
import {
  networkFaults,
  parseScenario,
  parseScenarioYaml,
  type Scenario,
} from '../../packages/lab/src/scenario.ts';
import { builtInScenarios } from '../../packages/lab/src/scenarios.ts';
import { type Job, createJob, openPool } from '../../packages/lab/src/pool.ts';
import { runSeed } from '../../packages/lab/src/run.ts';
import { shrink } from '../../packages/lab/src/shrink.ts';
import { occurrences, runMutant } from './mutate.ts';
import { regressions } from './regressions.ts';
import { sourceMutants } from './source-mutants.ts';

const scenario = (name: string, changes: Partial<Scenario> = {}): Scenario => ({
  ...parseScenario(builtInScenarios.find((one) => one.name === name)),
  ...changes,
});
const jobs = (of: Scenario, first: number, count: number): Job[] =>
  Array.from({ length: count }, (_, index) => createJob(of, first + index));

const pool = openPool();
afterAll(() => pool.close());

describe('the lab', () => {
  test('two runs of a seed are the same, line by line', async () => {
    for (const name of ['everything', 'crashes']) {
      const [a, b] = await Promise.all([
        runSeed(scenario(name), 7, { traced: true }),
        runSeed(scenario(name), 7, { traced: true }),
      ]);
      expect(a.lines!.length).toBeGreaterThan(500);
      expect(b).toEqual(a);
      const other = await runSeed(scenario(name), 8, { traced: true });
      expect(other.lines).not.toEqual(a.lines);
    }
  });

  test('G1 to G8: 60 seeds of everything, with every kind of fault in them', async () => {
    const faults: Record<string, number> = {};
    const answers = await pool.run(jobs(scenario('everything'), 1, 60));
    expect(answers).toHaveLength(60);
    for (const answer of answers) {
      if (answer instanceof Error) throw answer;
      expect({ seed: answer.seed, violations: answer.violations }).toEqual({
        seed: answer.seed,
        violations: [],
      });
      expect(answer.posthorn).toMatchObject({ lost: 0, unexpected: 0, unaccounted: 0 });
      for (const [fault, n] of Object.entries(answer.faults)) faults[fault] = (faults[fault] ?? 0) + n;
    }
    const kinds =
      `${networkFaults.join(' ')} outage overload poison crash freeze restart clock_jump clock_leap store_slow store_error
      store_answer_lost redrive cancel pause bulk_redrive replay change delete fan_out`.split(/\s+/);
    expect(kinds.filter((kind) => !((faults[kind] ?? 0) > 0))).toEqual([]);
  }, 900_000);

  test.each(
    builtInScenarios.map(({ name }) => name).filter((name) => name !== 'incident' && name !== 'everything'),
  )('scenario %s: nothing lost, nothing starved, nothing unaccounted', async (name) => {
    for (const answer of await pool.run(jobs(scenario(name), 1, 1))) {
      if (answer instanceof Error) throw answer;
      expect(answer.violations).toEqual([]);
      expect(answer.posthorn.accepted).toBeGreaterThan(0);
    }
  });

  test.each(regressions)('regression: seed $seed ($why)', async ({ scenario: file, seed }) => {
    const kept = parseScenarioYaml(readFileSync(new URL(`./${file}`, import.meta.url), 'utf8'));
    expect((await runSeed(kept, seed)).violations).toEqual([]);
  });

  test.each(sourceMutants)('source mutant "$name" ($guarantee) still fits the source', (mutant) => {
    expect(occurrences(mutant)).toBe(1);
  });

  test('a change of the source that breaks a guarantee fails the short run', async () => {
    const [fence] = sourceMutants;
    expect(await runMutant(fence!, 'everything', 20)).toBeGreaterThan(0);
  });

  test.each(mutants.map(({ name, description }) => ({ name, description })))(
    'mutant $name is caught: $description',
    async ({ name }) => {
      // Not by the luck of one seed: three different ones have to catch it.
      let caught = 0;
      for (let seed = 1; seed <= 120 && caught < 3; seed += 4) {
        const four = jobs(scenario('everything'), seed, 4).map((job) => ({ ...job, mutant: name }));
        for (const answer of await pool.run(four))
          if (answer instanceof Error || answer.violations.length > 0) caught++;
      }
      expect(caught).toBeGreaterThanOrEqual(3);
    },
  );

  test('a failing seed is made smaller, and what is left fails in the same way', async () => {
    const mutant = mutants.find(({ name }) => name === 'retry-in-memory')!.make;
    const shrunk = await shrink(scenario('everything'), 1, 'forgotten', { mutant });
    expect(shrunk!.keep.length).toBeLessThan(5);
    expect(shrunk!.result.violations[0]!.invariant).toBe('forgotten');
    expect(shrunk!.result.lines!.some((line) => line.includes('VIOLATION forgotten'))).toBe(true);
    const replayed = await runSeed(scenario('everything'), 1, {
      keep: new Set(shrunk!.keep),
      mutant,
      traced: true,
    });
    expect(replayed).toEqual(shrunk!.result);
    // Without the mutant the same things go well.
    expect((await runSeed(scenario('everything'), 1, { keep: new Set(shrunk!.keep) })).violations).toEqual(
      [],
    );
  });

  test('the incident: the service drops webhooks in silence, Posthorn drops none', async () => {
    const rates: number[] = [];
    for (const answer of await pool.run(jobs(scenario('incident', { payments: 10_000, hours: 36 }), 1, 1))) {
      if (answer instanceof Error) throw answer;
      expect(answer.violations).toEqual([]);
      expect(answer.posthorn).toMatchObject({ accepted: 10_000, delivered: 10_000, lost: 0, unaccounted: 0 });
      rates.push(answer.naive!.silently_dropped / answer.naive!.accepted);
      expect(answer.naive!.given_up).toBe(0);
      expect(answer.naive!.examples.length).toBeGreaterThan(0);
    }
    for (const rate of rates) {
      expect(rate).toBeGreaterThan(0.0005);
      expect(rate).toBeLessThan(0.02);
    }
  });
});
