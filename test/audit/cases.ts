import { hashText } from '../../src/runtime/seeded-random.ts';
import { type LogFormat, logFormats } from './generate/formats.ts';
import { horizonOf, injectable, type InjectedCause, type Recipe } from './generate/model.ts';

/** One log to generate and to audit. */
export interface Case {
  readonly recipe: Recipe;
  readonly format: LogFormat;
  /** The one that harmed most events; null: a healthy log. */
  readonly main: InjectedCause | null;
  readonly kind: 'single' | 'mixed' | 'healthy';
}

export interface Grid {
  readonly intensities: readonly number[];
  readonly sizes: readonly number[];
  readonly seeds: number;
  /** Every format for every cause (with one intensity and size but in the first), or each cause in the first and one other. */
  readonly formats: 'all' | 'few';
}

export const fullGrid: Grid = {
  intensities: [0.003, 0.01, 0.05],
  sizes: [4000],
  seeds: 1,
  formats: 'all',
};
export const quickGrid: Grid = { intensities: [0.01], sizes: [3000], seeds: 1, formats: 'few' };

/** Pairs that come together in practice. The first takes three times as many events as the second. */
const mixtures: readonly (readonly [InjectedCause, InjectedCause])[] = [
  ['retry_race', 'client_timeout'],
  ['retry_race', 'oversize'],
  ['retry_never_scheduled', 'endpoint_outage'],
  ['restart_loss', 'retry_race'],
  ['tls', 'poison'],
  ['counter_reset', 'rate_limited'],
];

function recipeOf(
  format: LogFormat,
  parts: { events: number; causes: Recipe['causes']; seed: number; name: string },
): Recipe {
  const { schedule, givesUp } = format;
  const { events, causes, seed, name } = parts;
  // Every log has a seed of its own, whatever else is run.
  const own = hashText(`${name} ${format.name} ${events} ${JSON.stringify(causes)} ${seed}`) % 1_000_000;
  const recipe = { seed: own, events, days: 14, schedule, givesUp, causes };
  // What a restart loses is what comes in the minutes around it: there have to be some.
  return causes.some(({ cause }) => cause === 'restart_loss')
    ? { ...recipe, days: 1 + Math.ceil(horizonOf(recipe) / 86_400_000) }
    : recipe;
}

/** Everything that a grid asks for, in an order that does not change. */
export function casesOf(grid: Grid): Case[] {
  const found: Case[] = [];
  const seeds = Array.from({ length: grid.seeds }, (_, seed) => seed + 1);
  for (const [number, cause] of injectable.entries()) {
    const able = logFormats.filter(({ shows }) => shows.includes(cause));
    const formats = grid.formats === 'all' ? able : [able[0]!, able[1 + (number % (able.length - 1))]!];
    for (const [place, format] of formats.entries())
      for (const events of place === 0 ? grid.sizes : grid.sizes.slice(0, 1))
        for (const intensity of place === 0 || grid.intensities.length === 1 ? grid.intensities : [0.01])
          for (const seed of seeds) {
            const recipe = recipeOf(format, { events, causes: [{ cause, intensity }], seed, name: 'single' });
            found.push({ recipe, format, main: cause, kind: 'single' });
          }
  }
  const [first] = logFormats;
  for (const events of grid.sizes)
    for (const [major, minor] of mixtures)
      for (const seed of seeds) {
        const causes = [
          { cause: major, intensity: 0.015 },
          { cause: minor, intensity: 0.005 },
        ];
        const recipe = recipeOf(first!, { events, causes, seed, name: 'mixed' });
        found.push({ recipe, format: first!, main: major, kind: 'mixed' });
      }
  for (const format of grid.formats === 'all' ? logFormats : logFormats.slice(0, 5))
    for (const events of grid.sizes)
      for (const seed of seeds.flatMap((one) => [one, one + grid.seeds])) {
        const recipe = recipeOf(format, { events, causes: [], seed, name: 'healthy' });
        found.push({ recipe, format, main: null, kind: 'healthy' });
      }
  return found;
}
