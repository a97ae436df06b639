import { byDayOfWeek, type Side, weeklyVolume } from './side.ts';

/** One property that should be alike before and after, and whether it is. */
export interface ExposureCheck {
  readonly check: 'volume' | 'endpoints' | 'hours_of_week' | 'event_types';
  /** Null: the data cannot tell. */
  readonly fine: boolean | null;
  readonly words: string;
}

/** Two mixes of traffic differ if more than this share of one would have to move to make the other. */
const maxMixDistance = 0.1;
/** Hours vary from week to week. */
const maxHours = 0.15;
/** Volumes that differ by more than this factor are not the same exposure. */
const maxVolumeFactor = 1.5;
const percent = (share: number): string => `${(share * 100).toFixed(0)}%`;
const count = (n: number): string => Math.round(n).toLocaleString('en-US');

/** Total variation distance of two mixes: the share that would have to move; 0 is alike, 1 has nothing in common. */
export function distance(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): number {
  const total = (mix: ReadonlyMap<string, number>): number =>
    [...mix.values()].reduce((sum, n) => sum + n, 0);
  const [totalA, totalB] = [total(a), total(b)];
  const names = new Set([...a.keys(), ...b.keys()]);
  return (
    [...names].reduce(
      (sum, name) => sum + Math.abs((a.get(name) ?? 0) / totalA - (b.get(name) ?? 0) / totalB),
      0,
    ) / 2
  );
}

/** The approximate distance that chance alone gives two samples of one mix: the mean of |difference| over all cells. */
function byChance(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): number {
  const total = (mix: ReadonlyMap<string, number>): number =>
    [...mix.values()].reduce((sum, n) => sum + n, 0);
  const [totalA, totalB] = [total(a), total(b)];
  const names = new Set([...a.keys(), ...b.keys()]);
  return (
    [...names].reduce((sum, name) => {
      const share = ((a.get(name) ?? 0) + (b.get(name) ?? 0)) / (totalA + totalB);
      return sum + Math.sqrt((2 / Math.PI) * share * (1 - share) * (1 / totalA + 1 / totalB));
    }, 0) / 2
  );
}

const byRank = (mix: ReadonlyMap<string, number>): Map<string, number> =>
  new Map([...mix.values()].toSorted((x, y) => y - x).map((n, rank) => [String(rank), n]));

function mixCheck(
  check: ExposureCheck['check'],
  what: string,
  a: ReadonlyMap<string, number>,
  b: ReadonlyMap<string, number>,
  most: number,
): ExposureCheck {
  if (a.size === 0 || b.size === 0) return { check, fine: null, words: `${what}: no data` };
  // Two systems may use different names for the same things: then the largest is compared with the largest.
  const renamed = ![...a.keys()].some((name) => b.has(name));
  if (renamed)
    return mixCheck(check, `${what} (different names, compared by size)`, byRank(a), byRank(b), most);
  const apart = distance(a, b);
  const fine = apart <= most + byChance(a, b);
  return {
    check,
    fine,
    words: `${what}: ${percent(apart)} of the traffic differs${fine ? '' : ', so a difference in the rate may come from the mix'}`,
  };
}

/** Whether the exposure was equal; null if a property that matters is unknown and no other one differs. */
export function isEqual(checks: readonly ExposureCheck[]): boolean | null {
  if (checks.some(({ fine }) => fine === false)) return false;
  return checks.some(({ fine }) => fine === null) ? null : true;
}

/** Returns whether both sides had the same exposure: only then can a difference in the rate be due to the change. */
export function exposureChecks(before: Side, after: Side): ExposureCheck[] {
  const perWeek = [before, after].map(weeklyVolume);
  const byDay = [before, after].some(({ weekParts }) => weekParts.hours === 24);
  const parts = [before, after].map(({ weekParts }) => (byDay ? byDayOfWeek(weekParts) : weekParts));
  const factor = Math.max(...perWeek) / Math.max(1, Math.min(...perWeek));
  return [
    {
      check: 'volume',
      fine: factor <= maxVolumeFactor,
      words: `volume: ${count(perWeek[0]!)} events per week before, ${count(perWeek[1]!)} after`,
    },
    mixCheck('endpoints', 'endpoints', before.endpoints, after.endpoints, maxMixDistance),
    mixCheck(
      'hours_of_week',
      byDay ? 'days of the week' : 'hours of the week',
      parts[0]!.events,
      parts[1]!.events,
      maxHours,
    ),
    mixCheck('event_types', 'event types', before.types, after.types, maxMixDistance),
  ];
}
