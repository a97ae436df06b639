import { planIds, makePlan } from './plan.ts';
import { runSeed, type SeedResult } from './run.ts';
import type { Scenario } from './scenario.ts';
import type { Invariant } from './step-checker.ts';
import type { Mutant } from './mutant.ts';

const maxRuns = 400;

export interface Shrunk {
  /** The ids that are left: with them alone the seed still fails. */
  readonly keep: readonly string[];
  readonly before: number;
  readonly runs: number;
  /** The failing run of what is left, with its account. */
  readonly result: SeedResult;
}

/**
 * Makes a failing seed smaller by taking away payments, faults, operations and spells for as long as the same invariant
 * still fails: delta debugging (Zeller and Hildebrandt, 2002). Null where the failure does not come again.
 */
export async function shrink(
  scenario: Scenario,
  seed: number,
  invariant: Invariant,
  options: { readonly mutant?: Mutant; readonly onProgress?: (left: number, runs: number) => void } = {},
): Promise<Shrunk | null> {
  const { mutant, onProgress } = options;
  let runs = 0;
  const run = async (keep: readonly string[], traced = false): Promise<SeedResult> => {
    runs++;
    return await runSeed(scenario, seed, {
      keep: new Set(keep),
      traced,
      ...(mutant === undefined ? {} : { mutant }),
    });
  };
  const fails = async (keep: readonly string[]): Promise<boolean> =>
    (await run(keep)).violations.some((violation) => violation.invariant === invariant);

  const all = planIds(makePlan(scenario, seed));
  if (!(await fails(all))) return null;
  let left = all;
  for (let parts = 2; parts <= left.length && runs < maxRuns;) {
    const size = Math.ceil(left.length / parts);
    let smaller: string[] | null = null;
    for (let at = 0; at < left.length && runs < maxRuns; at += size) {
      const without = [...left.slice(0, at), ...left.slice(at + size)];
      if (without.length > 0 && (await fails(without))) {
        smaller = without;
        break;
      }
    }
    if (smaller !== null) {
      left = smaller;
      parts = Math.max(2, parts - 1);
    } else if (size === 1) break;
    else parts = Math.min(left.length, parts * 2);
    onProgress?.(left.length, runs);
  }
  return { keep: left, before: all.length, runs, result: await run(left, true) };
}
