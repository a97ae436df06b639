import { parseArgs } from 'node:util';
import { mutants } from '../../packages/lab/src/mutants.ts';
import { createJob, runJobs } from '../../packages/lab/src/pool.ts';
import { parseScenario } from '../../packages/lab/src/scenario.ts';
import { builtInScenarios } from '../../packages/lab/src/scenarios.ts';
import { runMutant } from './mutate.ts';
import { sourceMutants } from './source-mutants.ts';

// `npm run test:lab -- [--seeds 2000] [--seed 1]`: every scenario but the incident on many seeds, then the mutants.
// Then the source with one guard removed at a time. A seed that fails is to be added to regressions.ts, once it is understood.

const { values } = parseArgs({ options: { seeds: { type: 'string' }, seed: { type: 'string' } } });
const seeds = Number(values.seeds ?? 2000);
const first = Number(values.seed ?? 1);
let failed = 0;

const run = async (name: string, count: number, mutant: string | null): Promise<number> => {
  const scenario = parseScenario(builtInScenarios.find((one) => one.name === name));
  const jobs = Array.from({ length: count }, (_, index) => createJob(scenario, first + index, { mutant }));
  let caught = 0;
  await runJobs(jobs, {
    onResult: (answer, job) => {
      const words =
        answer instanceof Error
          ? answer.message
          : answer.violations.map((v) => `${v.invariant}: ${v.message}`).join('; ');
      if (words === '') return;
      caught++;
      if (mutant === null)
        process.stdout.write(`FAILED ${name} --seed ${job.seed}: ${words.slice(0, 300)}\n`);
    },
  });
  return caught;
};

const began = performance.now();
for (const { name } of builtInScenarios) {
  if (name === 'incident') continue;
  const count = name === 'everything' ? seeds : Math.max(10, Math.round(seeds / 50));
  const bad = await run(name, count, null);
  failed += bad;
  process.stdout.write(`${name}: ${count} seeds, ${bad} failed\n`);
}
// Each on a copy of the source with one guard removed, as long as the short run of `npm test`.
for (const mutant of sourceMutants) {
  const caught = await runMutant(mutant, mutant.scenario ?? 'everything', 300);
  if (caught === 0) failed++;
  process.stdout.write(`source mutant "${mutant.name}" (${mutant.guarantee}): caught in ${caught} of 300\n`);
}
for (const { name } of mutants) {
  const count = Math.max(20, Math.round(seeds / 40));
  const caught = await run('everything', count, name);
  if (caught === 0) failed++;
  process.stdout.write(`mutant ${name}: caught in ${caught} of ${count}\n`);
}
process.stdout.write(
  `${failed === 0 ? 'passed' : `${failed} FAILED`} in ${Math.round((performance.now() - began) / 1000)} s\n`,
);
if (failed > 0) process.exitCode = 1;
