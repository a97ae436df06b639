import { type counterColumns, type typeCounterColumns, usualColumns } from '../rows.ts';
import { counterShards, ofTypes, sums } from './counters.ts';
import { addPacked, packedRows } from './packed.ts';
import { inOrder, limit, rowsFrom, table } from './pieces.ts';
import { joined, raw, type Row, type Sql, sql } from './sql.ts';
import { rows, session, type Steps } from './steps.ts';

/** Counters of one endpoint in minutes since the epoch: since ≤ minute < until. */
export interface SummedRange {
  /** What is summed together has one place. */
  readonly place: number;
  readonly num: number;
  readonly since: number;
  readonly until: number;
}

export interface SumsRequest {
  readonly ranges: readonly SummedRange[];
  readonly columns: typeof counterColumns | typeof typeCounterColumns;
  /** Minutes of a step, whose multiples are summed apart; null: the whole range is one sum. */
  readonly step: number | null;
  readonly byType: boolean;
  readonly eventTypes: readonly string[] | null;
}

export interface CounterSums {
  readonly place: number;
  /** Steps since the epoch. */
  readonly step: number;
  /** Null unless they are by type. */
  readonly eventType: string | null;
  /** In the order of the columns. */
  readonly sums: number[];
}

/** The sums of both, at the key of the first. */
export const addSums = (one: CounterSums, other: CounterSums): CounterSums => ({
  ...one,
  sums: one.sums.map((sum, at) => sum + other.sums[at]!),
});

/** So many columns come first that most rows have alone. */
const usual = usualColumns.length;
/** Ranges of one statement, whose rows are one text each. */
const rangesAtOnce = 100;

const rangesIn = (ranges: readonly SummedRange[]): Sql =>
  sql`WITH r AS MATERIALIZED (SELECT * FROM ${rowsFrom('r', {
    place: { type: 'int', values: ranges.map(({ place }) => place) },
    num: { type: 'int', values: ranges.map(({ num }) => num) },
    since: { type: 'int', values: ranges.map(({ since }) => since) },
    until: { type: 'int', values: ranges.map(({ until }) => until) },
  })})`;

/** Bounds that all ranges share are values of the statement, from which the planner knows how much it reads. */
function inRange(ranges: readonly SummedRange[]): Sql {
  const [first] = ranges;
  return ranges.every(({ since, until }) => since === first!.since && until === first!.until)
    ? sql`l.minute >= ${first!.since} AND l.minute < ${first!.until}`
    : sql`l.minute >= r.since AND l.minute < r.until`;
}

const chosen = ({ ranges, eventTypes }: SumsRequest): Sql =>
  sql`${counterShards('l')} AND l.endpoint = r.num AND ${inRange(ranges)} AND ${ofTypes('l.type', eventTypes) ?? raw('true')}`;

function* grouped(request: SumsRequest, max: number | null): Steps<CounterSums[]> {
  const { ranges, columns, step, byType } = request;
  const keys = joined(
    [
      raw('r.place'),
      raw(step === null ? '0' : `l.minute / ${step}`),
      raw(byType ? 'l.type' : 'CAST(NULL AS text)'),
    ],
    ', ',
  );
  const found = yield* rows(
    sql`${rangesIn(ranges)} SELECT ${keys}, ${sums(columns)} FROM r ${inOrder} ${table('counters')} l ON ${chosen(request)}
      GROUP BY 1, 2, 3 ${max === null ? raw('') : limit(max + 1)}`,
  );
  return found.map(([place, at, eventType, ...ofKey]) => ({
    place: place as number,
    step: at as number,
    eventType: eventType as string | null,
    sums: ofKey as number[],
  }));
}

/** The counters of each of these ranges as one text. */
function* packed(request: SumsRequest): Steps<readonly Row[]> {
  const { ranges, columns, step, byType } = request;
  const key = raw(step === null ? '0' : `l.minute / ${step} - r.since / ${step}`);
  const counters = columns.map((name) => raw(`l.${name}`));
  const numbers = { usual: [key, ...counters.slice(0, usual)], rare: counters.slice(usual) };
  const text = packedRows(numbers, byType ? raw('l.type') : null);
  return yield* rows(
    sql`${rangesIn(ranges)} SELECT (SELECT ${text} FROM ${table('counters')} l WHERE ${chosen(request)}) FROM r`,
  );
}

function* addedHere(request: SumsRequest, max: number | null): Steps<CounterSums[]> {
  const { columns, step, byType } = request;
  const lengths = { usual, rare: columns.length - usual };
  const found: CounterSums[] = [];
  const places = new Map<number, Map<string, Map<number, number[]>>>();
  for (let at = 0; at < request.ranges.length; at += rangesAtOnce) {
    if (max !== null && found.length > max) break;
    const ranges = request.ranges.slice(at, at + rangesAtOnce);
    for (const [index, [text]] of (yield* packed({ ...request, ranges })).entries()) {
      const { place, since } = ranges[index]!;
      const first = step === null ? 0 : Math.floor(since / step);
      const types = places.get(place) ?? new Map<string, Map<number, number[]>>();
      places.set(place, types);
      addPacked((text ?? '') as string, lengths, (key, eventType) => {
        let steps = types.get(eventType);
        if (steps === undefined) types.set(eventType, (steps = new Map()));
        let sums = steps.get(first + key);
        if (sums === undefined) {
          steps.set(first + key, (sums = columns.map(() => 0)));
          found.push({ place, step: first + key, eventType: byType ? eventType : null, sums });
        }
        return sums;
      });
    }
  }
  return found;
}

function* readSums(request: SumsRequest, max: number | null): Steps<CounterSums[]> {
  if (request.ranges.length === 0) return [];
  return (yield* session()).sortsGroups ? yield* addedHere(request, max) : yield* grouped(request, max);
}

/** Adds counters up by place, step and type, in no order. */
export function sumCounters(request: SumsRequest): Steps<CounterSums[]> {
  return readSums(request, null);
}

/** The same; null: there are more sums than this. */
export function* sumCountersUpTo(max: number, request: SumsRequest): Steps<CounterSums[] | null> {
  const found = yield* readSums(request, max);
  return found.length > max ? null : found;
}
