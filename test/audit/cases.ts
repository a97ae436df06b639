import { hashText } from '../../packages/posthorn/src/runtime/seeded-random.ts';
import { type LogFormat, logFormats } from './generate/formats.ts';
import { horizonOf, injectable, type InjectedCause, type Recipe, type World } from './generate/model.ts';
import { plain, worlds } from './generate/worlds.ts';

/** One log to generate and to audit. */
export interface Case {
  readonly recipe: Recipe;
  readonly format: LogFormat;
  /** The cause that harmed most events; null for a healthy log. */
  readonly main: InjectedCause | null;
  readonly kind: 'single' | 'mixed' | 'healthy';
}

/** Causes that show only against what was expected: a log of a sample cannot show them. */
const againstExpected: readonly InjectedCause[] = ['restart_loss', 'defect_onset'];

export interface Grid {
  readonly intensities: readonly number[];
  readonly sizes: readonly number[];
  readonly seeds: number;
  /** Worlds other than the plain one, in the first format, each with so many of the causes in turn. */
  readonly worlds: readonly World[];
  readonly causesPerWorld: number;
  /** Healthy logs for each format, size and seed. */
  readonly healthy: number;
  /** Every format for every cause (with one intensity and size but in the first), or each cause in the first and one other. */
  readonly formats: 'all' | 'few';
}

export const fullGrid: Grid = {
  intensities: [0.01, 0.003, 0.05],
  sizes: [4000, 1000, 20_000],
  seeds: 1,
  worlds,
  causesPerWorld: 6,
  healthy: 3,
  formats: 'all',
};
export const quickGrid: Grid = {
  intensities: [0.01],
  sizes: [2000],
  seeds: 1,
  worlds,
  causesPerWorld: 1,
  healthy: 1,
  formats: 'few',
};

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
  parts: { events: number; causes: Recipe['causes']; seed: number; name: string; world?: World },
): Recipe {
  const { givesUp } = format;
  const { events, causes, seed, name, world = plain } = parts;
  const schedule = world.schedule ?? format.schedule;
  // Every log has a seed of its own, whatever else is run.
  const key = `${name} ${format.name} ${world.name} ${events} ${JSON.stringify(causes)} ${seed}`;
  const recipe = { seed: hashText(key) % 1_000_000, events, days: 14, schedule, givesUp, causes, world };
  // A restart loses events of the minutes around it, so there have to be some.
  return causes.some(({ cause }) => cause === 'restart_loss')
    ? { ...recipe, days: 1 + Math.ceil(horizonOf(recipe) / 86_400_000) }
    : recipe;
}

/** Returns all cases of a grid, in a stable order. */
export function casesOf(grid: Grid): Case[] {
  const found: Case[] = [];
  const seeds = Array.from({ length: grid.seeds }, (_, seed) => seed + 1);
  for (const [number, cause] of injectable.entries()) {
    const able = logFormats.filter(({ shows }) => shows.includes(cause));
    const formats = grid.formats === 'all' ? able : [able[0]!, able[1 + (number % (able.length - 1))]!];
    for (const [place, format] of formats.entries())
      for (const [size, events] of grid.sizes.entries())
        for (const [strength, intensity] of grid.intensities.entries()) {
          // All sizes and intensities in the first format, one at a time; the others in the first of each.
          if ((size > 0 || strength > 0) && (place > 0 || (size > 0 && strength > 0))) continue;
          for (const seed of seeds) {
            const recipe = recipeOf(format, { events, causes: [{ cause, intensity }], seed, name: 'single' });
            found.push({ recipe, format, main: cause, kind: 'single' });
          }
        }
  }
  const [first] = logFormats;
  for (const [major, minor] of mixtures)
    for (const seed of seeds) {
      // The minor cause needs ten events or more to be distinguished from the other.
      const events = Math.max(3000, grid.sizes[0]!);
      const causes = [
        { cause: major, intensity: 0.015 },
        { cause: minor, intensity: 0.005 },
      ];
      const recipe = recipeOf(first!, { events, causes, seed, name: 'mixed' });
      found.push({ recipe, format: first!, main: major, kind: 'mixed' });
    }
  for (const [number, world] of grid.worlds.entries()) {
    const able = injectable.filter((cause) => (world.keep ?? 1) === 1 || !againstExpected.includes(cause));
    for (let index = 0; index < grid.causesPerWorld; index++)
      for (const seed of seeds) {
        const cause = able[(number * 5 + index) % able.length]!;
        const causes = [{ cause, intensity: 0.01 }];
        const recipe = recipeOf(first!, { events: grid.sizes[0]!, causes, seed, name: 'world', world });
        found.push({ recipe, format: first!, main: cause, kind: 'single' });
      }
  }
  const healthy = (format: LogFormat, events: number, seed: number, world: World): void => {
    const recipe = recipeOf(format, { events, causes: [], seed, name: 'healthy', world });
    found.push({ recipe, format, main: null, kind: 'healthy' });
  };
  for (const seed of Array.from({ length: grid.seeds * grid.healthy }, (_, index) => index + 1)) {
    for (const format of grid.formats === 'all' ? logFormats : logFormats.slice(0, 5))
      healthy(format, grid.sizes[0]!, seed, plain);
    for (const world of grid.worlds) healthy(first!, grid.sizes[0]!, seed, world);
    for (const events of grid.sizes.slice(1)) healthy(first!, events, seed, plain);
  }
  return found;
}
