interface Regression {
  /** The file of the scenario, as it was when the seed failed. */
  readonly scenario: string;
  readonly seed: number;
  readonly why: string;
}

const of = (scenario: string, seeds: readonly Omit<Regression, 'scenario'>[]): Regression[] =>
  seeds.map((one) => ({ scenario, ...one }));

/**
 * Seeds that have failed once, and what was wrong; they stay. A seed means something in its own scenario only, so that is
 * kept beside them as it was, whatever becomes of the built-in one.
 */
export const regressions: readonly Regression[] = [
  ...of('regressions.yaml', [
    { seed: 7, why: 'a starting node claimed by a wrong clock, before its first heartbeat' },
    { seed: 29, why: 'a starting node claimed by a wrong clock, before its first heartbeat' },
    { seed: 30, why: 'a node that thawed set its clock by an answer from before its freeze' },
    { seed: 49, why: 'a node that thawed set its clock by an answer from before its freeze' },
    { seed: 66, why: 'an attempt began when its lease was nearly over' },
    { seed: 4094, why: 'a wait of less than the clock resolves: simulated time stood still' },
  ]),
  ...of('regressions-leaps.yaml', [
    { seed: 2383, why: 'a node that thawed after a step back took over leases that still ran' },
    { seed: 3208, why: 'a node that thawed after a step back took over leases that still ran' },
    { seed: 2124, why: 'a fan-out of before a step back made deliveries that were due by the former time' },
    { seed: 2258, why: 'three steps back, and rows of a node that had seen none of them' },
    { seed: 2450, why: 'a second step back made forgotten how far ahead the former time was' },
    { seed: 2550, why: 'a leap ahead left rows of a frozen node less far ahead than was looked for' },
    { seed: 3344, why: 'a second step back made forgotten how far ahead the former time was' },
    {
      seed: 3159,
      why: 'rows were looked at so late that they were no longer as far ahead as was looked for',
    },
    { seed: 3656, why: 'of more former times than were kept, the one that counted had gone' },
    { seed: 2541, why: 'a second step back made forgotten how far ahead the former time was' },
    { seed: 3366, why: 'a leap ahead left rows of a frozen node less far ahead than was looked for' },
    { seed: 1974, why: 'a node that thawed stamped rows by a clock that had been put right: pruned as old' },
    { seed: 2278, why: 'disputes were closed before every node had seen the correction' },
    { seed: 8320, why: 'a doubted clock that came back some way was believed at a start' },
    {
      seed: 7411,
      why: 'a node that was frozen during a second step back stamped rows later than any reading',
    },
    { seed: 2262, why: 'a node that was frozen while it compared took its old reading for a jump' },
    {
      seed: 1718,
      why: 'what another node had settled by a clock that was put right was pruned by the former time',
    },
  ]),
];
