import { thresholds } from '../../thresholds.ts';

const { minCounted, minSteps, minOrdered, maxStep, clockFrom } = thresholds.quality;

// Ids that count up (order numbers, rows of a table, counters inside an id) show which events have no line.

const maxDigits = 12;

/** Numbers that are missing in a stretch of the log. */
interface CounterHoles {
  readonly missing: number;
  readonly share: number;
  /** Most numbers are there; otherwise most are not, or they are those of something else too. */
  readonly isDense: boolean;
}

/**
 * Finds a counter in ids that are in the order of time. Numbers that are missing before the ids at the places `afterGaps` are those of a
 * known gap in the log.
 */
export function holesIn(
  ids: readonly string[],
  afterGaps: ReadonlySet<number> = new Set(),
): CounterHoles | null {
  if (ids.length < minCounted) return null;
  let sparse: CounterHoles | null = null;
  for (const numbers of readings(ids)) {
    const steps = numbers.slice(1).map((number, index) => number - numbers[index]!);
    const ordered = steps.filter((step) => step > 0).length;
    const single = steps.filter((step) => step === 1).length;
    const isDense = single >= steps.length * minSteps;
    if (ordered < steps.length * minOrdered || !(isDense || isSparse(numbers, steps))) continue;
    const distinct = new Set(numbers).size;
    // A few ids can be far away: late lines of older events. The middle of the numbers counts.
    const sorted = [...new Set(numbers)].sort((a, b) => a - b);
    const cut = Math.floor(distinct * 0.02);
    const inner = sorted.slice(cut, distinct - cut);
    const range = inner.at(-1)! - inner[0]! + 1;
    const known = steps.reduce(
      (sum, step, at) => sum + (afterGaps.has(at + 1) ? Math.max(0, step - 1) : 0),
      0,
    );
    const missing = Math.max(0, range - inner.length - known);
    const found = { missing, share: missing / range, isDense };
    if (isDense) return found;
    sparse ??= found;
  }
  return sparse;
}

/** Whether numbers go up in small steps, as those of one event in ten or twenty do. */
function isSparse(numbers: readonly number[], steps: readonly number[]): boolean {
  const middle = steps.toSorted((a, b) => a - b)[steps.length >> 1]!;
  return middle <= maxStep && numbers[0]! < clockFrom;
}

/** The last part of an id as a number in base 36 or 16: counters that are written short. */
const lastPart = /[^0-9a-zA-Z]([0-9a-z]{3,9}|[0-9A-Z]{3,9})$/;

/** Digits in the ids that could be a counter: at the end, or at the same place in ids of the same length. */
function* readings(ids: readonly string[]): Generator<number[]> {
  const trailing = ids.map((id) => /(\d{1,12})$/.exec(id)?.[1]);
  if (trailing.every((digits) => digits !== undefined)) yield trailing.map(Number);
  const parts = ids.map((id) => lastPart.exec(id)?.[1]);
  if (parts.every((part) => part !== undefined))
    for (const radix of [16, 36])
      if (radix === 36 || parts.every((part) => /^[0-9a-f]+$/i.test(part)))
        yield parts.map((part) => Number.parseInt(part, radix));
  const length = ids[0]!.length;
  if (ids.some((id) => id.length !== length)) return;
  for (let end = length; end >= 3; end--)
    for (let start = Math.max(0, end - maxDigits); start <= end - 3; start++) {
      if (!ids.slice(0, 20).every((id) => /^\d+$/.test(id.slice(start, end)))) continue;
      if (!ids.every((id) => /^\d+$/.test(id.slice(start, end)))) continue;
      yield ids.map((id) => Number(id.slice(start, end)));
      // Shorter numbers with the same end are this one without its first digits.
      break;
    }
}
