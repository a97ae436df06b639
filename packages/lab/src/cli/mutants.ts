import { mutants } from '../mutants.ts';
import { createJob, runJobs } from '../pool.ts';
import type { SeedResult } from '../run.ts';
import type { Scenario } from '../scenario.ts';
import { note, print, printJson, progress, table } from 'posthorn/cli';
import { type LabOptions, ofWorkers } from './options.ts';

const mutantSeeds = 50;

/** How one mutant fared; the shape of `mutants` in `posthorn lab --mutants --json`. */
interface Row {
  readonly mutant: string;
  readonly description: string;
  readonly seeds: number;
  readonly caught: number;
  readonly median_seeds: number | null;
  readonly worst_seeds: number | null;
  /** The invariants that caught it. */
  readonly by: readonly string[];
}

/** Runs every mutant on the same seeds, and says which of them were caught; exit code 1 where one was not. */
export async function runMutants(scenario: Scenario, options: LabOptions): Promise<void> {
  const perMutant = options.seeds > 1 ? options.seeds : mutantSeeds;
  note(`${mutants.length} mutants, ${perMutant} seeds each from ${options.seed}, scenario ${scenario.name}`);
  const jobs = mutants.flatMap(({ name }) =>
    Array.from({ length: perMutant }, (_, index) =>
      createJob(scenario, options.seed + index, { mutant: name }),
    ),
  );
  const bar = progress(jobs.length);
  const answers = await runJobs(jobs, {
    ...ofWorkers(options),
    onProgress: (done) => bar.at(done, 'worlds'),
  });
  bar.end();
  const rows = mutants.map(({ name, description }, index) =>
    toRow(name, description, answers.slice(index * perMutant, (index + 1) * perMutant)),
  );
  const missed = rows.filter(({ caught }) => caught === 0).map(({ mutant }) => mutant);
  if (options.json === true) printJson({ scenario: scenario.name, mutants: rows, missed });
  else printRows(rows, missed);
  if (missed.length > 0) process.exitCode = 1;
}

function toRow(mutant: string, description: string, answers: readonly (SeedResult | Error)[]): Row {
  // How many seeds one has to run, beginning anywhere, until one catches it.
  const needed: number[] = [];
  const by = new Set<string>();
  let since = 0;
  for (const answer of answers) {
    since++;
    const found = answer instanceof Error ? ['crash'] : answer.violations.map(({ invariant }) => invariant);
    for (const invariant of found) by.add(invariant);
    if (found.length === 0) continue;
    needed.push(since);
    since = 0;
  }
  needed.sort((a, b) => a - b);
  return {
    mutant,
    description,
    seeds: answers.length,
    caught: needed.length,
    median_seeds: needed[needed.length >> 1] ?? null,
    worst_seeds: needed.at(-1) ?? null,
    by: [...by],
  };
}

function printRows(rows: readonly Row[], missed: readonly string[]): void {
  print(
    table(
      ['mutant', 'caught in', 'median', 'worst', 'by', 'what it does'],
      rows.map((r) => [
        r.mutant,
        `${r.caught}/${r.seeds}`,
        `${r.median_seeds ?? '-'}`,
        `${r.worst_seeds ?? '-'}`,
        r.by.slice(0, 3).join(' '),
        r.description,
      ]),
    ),
  );
  print(missed.length === 0 ? '\nEvery mutant was caught.' : `\nNOT CAUGHT: ${missed.join(', ')}`);
}
