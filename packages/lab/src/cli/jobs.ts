import { type Job, createJob } from '../pool.ts';
import type { Scenario } from '../scenario.ts';
import type { LabOptions } from './options.ts';

/** A world of so many payments is run as two halves side by side: two threads, half the memory each. */
const halvesFrom = 200_000;

/** The jobs of one seed: a large world in two halves, whose own seeds follow from it. */
export function planJobs(scenario: Scenario, seed: number, options: LabOptions): Job[] {
  const common = {
    keep: options.keep?.split(',') ?? null,
    traced: options.trace === true,
    mutant: options.mutant ?? null,
  };
  if (scenario.payments < halvesFrom || common.keep !== null)
    return [createJob(scenario, seed, { ...common, ...openLogs(options, `${seed}_`, 0) })];
  return [0, 1].map((half) => ({
    scenario: { ...scenario, payments: Math.ceil((scenario.payments - half) / 2) },
    seed: seed * 2 + half + 1_000_000,
    ...common,
    ...openLogs(options, `${seed}${'ab'[half]}_`, half),
  }));
}

function openLogs(
  { log, posthornLog }: LabOptions,
  prefix: string,
  part: number,
): Pick<Job, 'log' | 'posthornLog'> {
  const of = (path: string | undefined): Job['log'] =>
    path === undefined ? null : { path: `${path}.part${part}`, prefix };
  return { log: of(log), posthornLog: of(posthornLog) };
}
