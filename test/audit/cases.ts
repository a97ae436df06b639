import { hashText } from '../../packages/posthorn/src/runtime/seeded-random.ts';
import {
  incompleteFormats,
  type LogFormat,
  logFormats,
  stateFormats,
  wrappedFormats,
} from './generate/formats.ts';
import { horizonOf, injectable, type InjectedCause, type Recipe, type World } from './generate/model.ts';
import { plain, worlds } from './generate/worlds.ts';

/** One log to generate and to audit. */
export interface Case {
  readonly recipe: Recipe;
  readonly format: LogFormat;
  /** The cause that harmed most events; null for a healthy log. */
  readonly main: InjectedCause | null;
  readonly kind: 'single' | 'mixed' | 'healthy';
  /** What the audit must say: the truth, or that this log cannot show it. A refusal says the latter too. */
  readonly expects: 'truth' | 'cannot_tell';
  /** No one has looked at the errors of logs of this seed. */
  readonly isFresh: boolean;
}

/** Errors that were found in logs of the seeds up to this one were fixed: raise it when errors of others are. */
export const workedOnSeeds = 2;

/** Causes that show only against what was expected: a log of a sample cannot show them. */
const againstExpected: readonly InjectedCause[] = ['restart_loss', 'defect_onset'];

export interface Grid {
  readonly intensities: readonly number[];
  readonly sizes: readonly number[];
  readonly seeds: readonly number[];
  /** Worlds other than the plain one, in the first format, each with so many of the causes in turn. */
  readonly worlds: readonly World[];
  readonly causesPerWorld: number;
  /** Healthy logs for each format, size and seed. */
  readonly healthy: number;
  /** Every format for every cause (with one intensity and size but in the first), or each cause in the first and one other. */
  readonly formats: 'all' | 'few';
  /** Logs inside something, logs with missing parts and tables of states: all of them, or some. */
  readonly others: 'all' | 'few';
}

export const fullGrid: Grid = {
  intensities: [0.01, 0.003, 0.05],
  sizes: [4000, 1000, 20_000],
  seeds: [1],
  worlds,
  causesPerWorld: 6,
  healthy: 3,
  formats: 'all',
  others: 'all',
};
/** Other seeds, in one size and one intensity. */
export const freshGrid: Grid = {
  ...fullGrid,
  intensities: [0.01],
  sizes: [4000],
  seeds: [workedOnSeeds + 1],
  causesPerWorld: 3,
  healthy: 1,
};
export const quickGrid: Grid = {
  intensities: [0.01],
  sizes: [1600],
  seeds: [1],
  worlds,
  causesPerWorld: 1,
  healthy: 1,
  formats: 'few',
  others: 'few',
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
  return [...singles(grid), ...mixed(grid), ...inWorlds(grid), ...healthyLogs(grid), ...otherKinds(grid)];
}

interface Parts {
  readonly format: LogFormat;
  readonly events: number;
  readonly seed: number;
  readonly name: string;
  readonly causes: Recipe['causes'];
  readonly world?: World;
}

/** A case, by what its log is made of. */
function caseOf({ format, ...parts }: Parts, expects: Case['expects'] = 'truth'): Case {
  const { causes, seed } = parts;
  return {
    recipe: recipeOf(format, parts),
    format,
    main: causes[0]?.cause ?? null,
    kind: causes.length === 0 ? 'healthy' : causes.length === 1 ? 'single' : 'mixed',
    expects,
    isFresh: seed > workedOnSeeds,
  };
}

/** Each cause in the formats that show it. */
function singles(grid: Grid): Case[] {
  const found: Case[] = [];
  for (const [number, cause] of injectable.entries()) {
    const able = logFormats.filter(({ shows }) => shows.includes(cause));
    const formats = grid.formats === 'all' ? able : [able[0]!, able[1 + (number % (able.length - 1))]!];
    for (const [place, format] of formats.entries())
      for (const [size, events] of grid.sizes.entries())
        for (const [strength, intensity] of grid.intensities.entries()) {
          // All sizes and intensities in the first format, one at a time; the others in the first of each.
          if ((size > 0 || strength > 0) && (place > 0 || (size > 0 && strength > 0))) continue;
          for (const seed of grid.seeds)
            found.push(caseOf({ format, events, causes: [{ cause, intensity }], seed, name: 'single' }));
        }
  }
  return found;
}

const [first] = logFormats as [LogFormat, ...LogFormat[]];

/** Two causes at once. */
function mixed(grid: Grid): Case[] {
  // The minor cause needs ten events or more to be distinguished from the other.
  const events = Math.max(3000, grid.sizes[0]!);
  return mixtures.flatMap(([major, minor]) =>
    grid.seeds.map((seed) => {
      const causes = [
        { cause: major, intensity: 0.015 },
        { cause: minor, intensity: 0.005 },
      ];
      return caseOf({ format: first, events, causes, seed, name: 'mixed' });
    }),
  );
}

/** Some causes in each world. */
function inWorlds(grid: Grid): Case[] {
  return grid.worlds.flatMap((world, number) => {
    const able = injectable.filter((cause) => (world.keep ?? 1) === 1 || !againstExpected.includes(cause));
    return Array.from({ length: grid.causesPerWorld }).flatMap((_, index) => {
      const causes = [{ cause: able[(number * 5 + index) % able.length]!, intensity: 0.01 }];
      return grid.seeds.map((seed) =>
        caseOf({ format: first, events: grid.sizes[0]!, causes, seed, name: 'world', world }),
      );
    });
  });
}

/** Logs without a fault in every format, world and size. */
function healthyLogs(grid: Grid): Case[] {
  const [events, ...sizes] = grid.sizes as [number, ...number[]];
  const seeds = grid.seeds.flatMap((seed) =>
    Array.from({ length: grid.healthy }, (_, index) => ({
      seed,
      name: index === 0 ? 'healthy' : `healthy ${index}`,
    })),
  );
  return seeds.flatMap(({ seed, name }) => [
    ...(grid.formats === 'all' ? logFormats : logFormats.slice(0, 5)).map((format) =>
      caseOf({ format, events, causes: [], seed, name, world: plain }),
    ),
    ...grid.worlds.map((world) => caseOf({ format: first, events, causes: [], seed, name, world })),
    ...sizes.map((size) => caseOf({ format: first, events: size, causes: [], seed, name, world: plain })),
  ]);
}

/** Causes of logs inside something, in turn: they need no other file. */
const inLog = injectable.filter(
  (cause) => !againstExpected.includes(cause) && cause !== 'acknowledged_unprocessed',
);

/** Logs inside something, logs with missing parts, and tables of states: each healthy and with a cause. */
function otherKinds(grid: Grid): Case[] {
  const events = grid.sizes[0]!;
  const some = <T>(all: readonly T[]): readonly T[] => (grid.others === 'all' ? all : all.slice(0, 2));
  const both = (
    format: LogFormat,
    cause: InjectedCause,
    [healthy, harmed]: readonly Case['expects'][],
  ): Case[] =>
    grid.seeds.flatMap((seed) => [
      caseOf({ format, events, causes: [], seed, name: 'other' }, healthy),
      caseOf({ format, events, causes: [{ cause, intensity: 0.01 }], seed, name: 'other' }, harmed),
    ]);
  return [
    ...some(wrappedFormats).flatMap((format, index) =>
      both(format, inLog[index % inLog.length]!, ['truth', 'truth']),
    ),
    ...incompleteFormats.flatMap((format) =>
      both(format, 'retry_never_scheduled', ['cannot_tell', 'cannot_tell']),
    ),
    // Rows that wait are suspicious, and a row does not show whether anybody still tries.
    ...stateFormats.flatMap((format) => both(format, 'retry_never_scheduled', ['truth', 'cannot_tell'])),
  ];
}
