import { mutants } from '../mutants.ts';
import type { Scenario } from '../scenario.ts';
import { shrink } from '../shrink.ts';
import type { FailureKind, LabSummary } from '../summary.ts';
import { note, print, progress } from 'posthorn/cli';
import type { LabOptions } from './options.ts';

const exitCodes: Readonly<Record<FailureKind, number>> = { correctness: 1, liveness: 3, crash: 4 };
/** Lines of a shrunk failure's trace. */
const maxLines = 120;

/** The exit code of these failures: that of the gravest kind. */
export function exitCodeFor({ failures }: LabSummary): number {
  const kinds = failures.map(({ kind }) => kind);
  const gravest = (['crash', 'correctness', 'liveness'] as const).find((kind) => kinds.includes(kind));
  return gravest === undefined ? 0 : exitCodes[gravest];
}

/** Names what failed, makes the first failing seed small enough to read, and prints the command that replays it. */
export async function explainFailure(
  scenario: Scenario,
  summary: LabSummary,
  options: LabOptions,
  command: string,
): Promise<void> {
  for (const { seed, kind, violations } of summary.failures.slice(0, 5))
    print(
      `FAILED seed ${seed} (${kind}): ${violations[0]!.invariant} at ${(violations[0]!.at / 1000).toFixed(1)} s: ${violations[0]!.message}`,
    );
  const first = summary.failures.find(({ kind }) => kind !== 'crash');
  if (first === undefined || !options.shrink || options.keep !== undefined || scenario.payments > 5000)
    return;
  note(`\nmaking seed ${first.seed} smaller …`);
  const bar = progress(400);
  const mutant = mutants.find(({ name }) => name === options.mutant)?.make;
  const shrunk = await shrink(scenario, first.seed, first.violations[0]!.invariant, {
    ...(mutant === undefined ? {} : { mutant }),
    onProgress: (left, runs) => bar.at(runs, `runs, ${left} things left`),
  });
  bar.end();
  if (shrunk === null) {
    print(
      'The failure did not come again: that is a defect of the lab itself; please report it with the line above.',
    );
    return;
  }
  print(
    `\n${shrunk.before} things made ${shrunk.keep.length} (${shrunk.runs} runs). What is left happens like this:\n`,
  );
  const lines = shrunk.result.lines ?? [];
  const broken = lines.findIndex((line) => line.includes(`VIOLATION ${first.violations[0]!.invariant}`));
  for (const line of lines.slice(0, broken < 0 ? lines.length : broken + 1).slice(-maxLines)) print(line);
  print(`\nReplay: ${command} --seed ${first.seed} --keep ${shrunk.keep.join(',')} --trace`);
}
