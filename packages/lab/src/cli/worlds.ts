import { type Job, runJobs } from '../pool.ts';
import type { SeedResult } from '../run.ts';
import type { Scenario } from '../scenario.ts';
import { type LabSummary, summarize } from '../summary.ts';
import { progress } from 'posthorn/cli';
import { planJobs } from './jobs.ts';
import { type LabOptions, ofWorkers } from './options.ts';

/** Worlds that have run, with where their logs are. */
export interface Worlds {
  readonly summary: LabSummary;
  readonly jobs: readonly Job[];
  readonly answers: readonly { readonly seed: number; readonly answer: SeedResult | Error }[];
}

/** Runs every seed, telling how far it is. */
export async function runWorlds(scenario: Scenario, options: LabOptions): Promise<Worlds> {
  const seeds = Array.from({ length: options.seeds }, (_, index) => options.seed + index);
  const jobs = seeds.flatMap((seed) => planJobs(scenario, seed, options));
  const parts = jobs.length / seeds.length;
  const began = performance.now();
  const secondsSoFar = (): number => (performance.now() - began) / 1000;
  const bar = progress(scenario.payments * seeds.length);
  let failed = 0;
  const given = await runJobs(jobs, {
    ...ofWorkers(options),
    onProgress: (done) => {
      const speed = (done / parts / secondsSoFar()).toFixed(1);
      bar.at(
        Math.round((done / jobs.length) * scenario.payments * seeds.length),
        `payments${seeds.length > 1 ? `, ${speed} seeds a second` : ''}${failed > 0 ? `, ${failed} FAILED` : ''}`,
      );
    },
    onResult: (answer) => {
      if (answer instanceof Error || answer.violations.length > 0) failed++;
    },
  });
  bar.end();
  const answers = given.map((answer, index) => ({ seed: seeds[Math.floor(index / parts)]!, answer }));
  const seconds = secondsSoFar();
  return {
    summary: summarize(scenario, answers, { seed: options.seed, seeds: seeds.length, parts, seconds }),
    jobs,
    answers,
  };
}
