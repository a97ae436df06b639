import { type Database, num, text } from './database.ts';
import type { LineFacts } from './timeline.ts';

// Ids that count up (order numbers, rows of a table, counters inside an id) show which events have no line.

const maxIds = 4000;
const minIds = 50;
/** The share of steps that go up by exactly one: below it, a number is not a counter of these events. */
const minSteps = 0.5;
const minOrdered = 0.95;
const maxDigits = 12;

/** Numbers that are missing in a stretch of the log. */
interface CounterHoles {
  readonly missing: number;
  readonly share: number;
}

/** Looks for a counter in the ids of a stretch in the middle of the log, in the order of their first lines. */
export async function counterHoles(database: Database, facts: LineFacts): Promise<CounterHoles | null> {
  const events = num((await database.row('select count(*) as n from delivery')).n);
  if (events < minIds) return null;
  const span = facts.to - facts.from;
  const width = Math.ceil(span * Math.min(1, maxIds / events));
  const from = facts.from + Math.floor((span - width) / 2);
  const rows = await database.rows(
    `select id, min(coalesce(accepted_at, started_at, t)) as first from line where t between ${from} and ${from + width} group by id order by 2, 1 limit ${maxIds}`,
  );
  return holesIn(rows.map((row) => text(row.id)));
}

/** Finds a counter in ids that are in the order of time. */
export function holesIn(ids: readonly string[]): CounterHoles | null {
  if (ids.length < minIds) return null;
  for (const numbers of readings(ids)) {
    const steps = numbers.slice(1).map((number, index) => number - numbers[index]!);
    const ordered = steps.filter((step) => step > 0).length;
    const single = steps.filter((step) => step === 1).length;
    if (ordered < steps.length * minOrdered || single < steps.length * minSteps) continue;
    const distinct = new Set(numbers).size;
    // A few ids can be far away: late lines of older events. The middle of the numbers counts.
    const sorted = [...new Set(numbers)].sort((a, b) => a - b);
    const cut = Math.floor(distinct * 0.02);
    const inner = sorted.slice(cut, distinct - cut);
    const range = inner.at(-1)! - inner[0]! + 1;
    const missing = range - inner.length;
    return { missing, share: missing / range };
  }
  return null;
}

/** Digits in the ids that could be a counter: at the end, or at the same place in ids of the same length. */
function* readings(ids: readonly string[]): Generator<number[]> {
  const trailing = ids.map((id) => /(\d{1,12})$/.exec(id)?.[1]);
  if (trailing.every((digits) => digits !== undefined)) yield trailing.map(Number);
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
