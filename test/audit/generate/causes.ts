import { SeededRandom } from '../../../packages/posthorn/src/runtime/seeded-random.ts';
import {
  type GeneratedEvent,
  type InjectedCause,
  horizonOf,
  type Recipe,
  type Row,
  timeoutMs,
} from './model.ts';
import { answered, attempts, ordinaryFailure, timedOut } from './traffic.ts';

/** What a defect does to one event. */
type Harm = (event: GeneratedEvent, random: SeededRandom) => Partial<GeneratedEvent>;

interface Injection {
  readonly harm: Harm;
  /** Which events the defect can reach at all; left out: any. */
  readonly reaches?: (event: GeneratedEvent) => boolean;
  /** What it does to events that it reaches and that survive. */
  readonly spares?: Harm;
}

type RowEnding = Partial<Row> & { readonly takes: number };

/** A row that ended so, with the retry that the sender owed after it. */
function row(schedule: readonly number[], attempt: number, startedAt: number, ending: RowEnding): Row {
  const { takes, ...rest } = ending;
  const endedAt = startedAt + takes;
  return {
    attempt,
    startedAt,
    endedAt,
    status: null,
    error: null,
    state: 'retrying',
    nextRetryAt: endedAt + (schedule[attempt - 1] ?? 0),
    retryAfterS: null,
    worker: attempt % 4,
    ...rest,
  };
}

/** The first rows of an event that always fails, as a correct sender writes them; then silence. */
function silentAfter(
  schedule: readonly number[],
  event: GeneratedEvent,
  random: SeededRandom,
  tries: number,
  ending: (attempt: number) => RowEnding,
): Row[] {
  const rows: Row[] = [];
  let at = event.acceptedAt + random.below(20);
  for (let attempt = 1; attempt <= tries; attempt++) {
    const next = row(schedule, attempt, at, ending(attempt));
    rows.push(next);
    at = next.nextRetryAt! + random.below(40);
  }
  return rows;
}

const lost = (rows: readonly Row[]): Partial<GeneratedEvent> => ({ rows, fate: 'dropped', received: false });

/** The race of the lab's naive sender: a request that was given up ends late, and erases the retry of another attempt. */
function race(schedule: readonly number[], event: GeneratedEvent, random: SeededRandom): Row[] {
  const start = event.acceptedAt + random.below(20);
  const first = row(schedule, 1, start, { takes: timeoutMs, error: 'timeout' });
  const secondAt = first.nextRetryAt!;
  const second = row(schedule, 2, secondAt, { takes: timeoutMs, error: 'timeout' });
  // The first really ends while the second is being made, or when the second has just been given up and its retry is owed.
  const late = secondAt + timeoutMs + 300 + random.below(25_000);
  const end = row(schedule, 1, start, {
    takes: late - start,
    error: 'reset',
    nextRetryAt: second.nextRetryAt,
    worker: first.worker,
  });
  return [first, second, end];
}

/** The same race with two workers: both take the delivery, both fail, and the later one writes over the other's retry. */
function workersRace(schedule: readonly number[], event: GeneratedEvent, random: SeededRandom): Row[] {
  const start = event.acceptedAt + random.below(20);
  const first = row(schedule, 1, start, { takes: 4000 + random.below(3000), status: 503 });
  const at = first.nextRetryAt!;
  const one = row(schedule, 2, at, { takes: 7000 + random.below(2000), status: 502, worker: 1 });
  const other = row(schedule, 2, at + 40 + random.below(500), {
    takes: 2000 + random.below(2000),
    status: 503,
    worker: 2,
  });
  return [first, other, one];
}

/** A request that was given up and ended late without harm: it overlaps with the retry that delivers. */
function overlapsUnharmed(schedule: readonly number[], event: GeneratedEvent, random: SeededRandom): Row[] {
  const start = event.acceptedAt + random.below(20);
  const first = row(schedule, 1, start, { takes: timeoutMs, error: 'timeout' });
  const answer = answered(random);
  const second = row(schedule, 2, first.nextRetryAt!, {
    ...answer,
    takes: answer.takes,
    state: 'delivered',
    nextRetryAt: null,
  });
  const end = row(schedule, 1, start, {
    takes: second.endedAt! + 1000 + random.below(9000) - start,
    error: 'reset',
    state: 'delivered',
    nextRetryAt: null,
    worker: first.worker,
  });
  return random.float() < 0.3 ? [first, second, end] : [first, second];
}

/** Events accepted within this time before a restart may still be in memory. */
const beforeRestartMs = 55_000;
/** An attempt that a restart aborts began within the sender's timeout. */
const acceptedInFlight = ({ acceptedAt }: GeneratedEvent, restart: number): boolean =>
  acceptedAt < restart && restart - acceptedAt < timeoutMs * 0.9;

interface Setting {
  readonly schedule: readonly number[];
  readonly markers: readonly number[];
  /** The endpoint that the cause is about. */
  readonly endpoint: string;
  /** Returns a period in the middle of the log with the wanted number of these events. */
  readonly spell: (of: (event: GeneratedEvent) => boolean) => (event: GeneratedEvent) => boolean;
  /** From here on, for defects that begin. */
  readonly onset: number;
}

/** Each cause by its effect. `setting` places it in the log. */
function injectionOf(cause: InjectedCause, setting: Setting): Injection {
  const { schedule, endpoint, spell, onset, markers } = setting;
  const here = (event: GeneratedEvent): boolean => event.endpoint === endpoint;
  switch (cause) {
    case 'retry_race':
      return {
        harm: (event, random) =>
          lost(random.float() < 0.75 ? race(schedule, event, random) : workersRace(schedule, event, random)),
        spares: (event, random) => ({ rows: overlapsUnharmed(schedule, event, random) }),
      };
    case 'retry_never_scheduled':
      // The retry is stated and never made, or not even stated: whatever the failure was.
      return {
        harm: (event, random) => {
          const { takes, ...failure } = ordinaryFailure(random);
          const stated = random.float() < 0.5;
          const tries = random.float() < 0.8 ? 1 : 2;
          return lost(
            silentAfter(schedule, event, random, tries, () => ({ takes, ...failure })).map((one, index) =>
              index === tries - 1 && !stated ? { ...one, nextRetryAt: null } : one,
            ),
          );
        },
      };
    case 'counter_reset':
      // The count of attempts is lost: 1, 2, 3, 1, 2, … and the end of the schedule never comes.
      return {
        harm: (event, random) => {
          const until = 5 + random.below(4);
          const rows: Row[] = [];
          let at = event.acceptedAt + random.below(20);
          for (let n = 0, attempt = 1; n < until; n++) {
            const { takes, ...failure } = ordinaryFailure(random);
            const next = row(schedule, attempt, at, { takes, ...failure });
            rows.push(next);
            at = next.nextRetryAt! + random.below(40);
            attempt = attempt >= 3 || (attempt === 2 && random.float() < 0.4) ? 1 : attempt + 1;
          }
          // It has been reset at least once.
          if (!rows.some((one, index) => index > 0 && one.attempt < rows[index - 1]!.attempt))
            rows.push(row(schedule, 1, at, { takes: 40, status: 503 }));
          return lost(rows);
        },
      };
    case 'client_timeout':
      // Slow responses beyond the client's timeout; a timeout counts as a response, so no retry follows. Half were delivered anyway.
      return {
        harm: (event, random) => {
          const { takes, ...failure } = timedOut(random);
          const rows = [
            row(schedule, 1, event.acceptedAt + random.below(20), { takes, ...failure, nextRetryAt: null }),
          ];
          return { rows, fate: 'dropped', received: random.float() < 0.5 };
        },
        spares: (event, random) => ({
          rows: attempts(event.acceptedAt, schedule, random, () => ({
            ...answered(random),
            takes: 7000 + random.below(2900),
          })),
        }),
      };
    case 'restart_loss':
      // In memory when the process ended: accepted and never attempted, or an attempt that never ended.
      return {
        reaches: ({ acceptedAt }) =>
          markers.some((marker) => acceptedAt > marker - beforeRestartMs && acceptedAt < marker),
        harm: (event, random) =>
          lost(
            !markers.some((marker) => acceptedInFlight(event, marker))
              ? []
              : [
                  row(schedule, 1, event.acceptedAt + random.below(20), {
                    takes: 0,
                    endedAt: null,
                    state: 'sending',
                    nextRetryAt: null,
                  }),
                ],
          ),
      };
    case 'defect_onset':
      // A release that forgets some events altogether.
      return { reaches: ({ acceptedAt }) => acceptedAt >= onset, harm: () => lost([]) };
    case 'endpoint_outage':
      // Down for hours; waiting events are discarded after a few attempts.
      return {
        reaches: spell(here),
        harm: (event, random) =>
          lost(
            silentAfter(schedule, event, random, 2 + random.below(2), () =>
              random.float() < 0.5
                ? { takes: 2 + random.below(30), error: 'ECONNREFUSED' }
                : { takes: 10 + random.below(50), status: 503 },
            ),
          ),
      };
    case 'dns':
      return {
        reaches: spell(here),
        harm: (event, random) =>
          lost(
            silentAfter(schedule, event, random, 1, () => ({
              takes: 3 + random.below(20),
              error: 'ENOTFOUND',
              nextRetryAt: null,
            })),
          ),
      };
    case 'tls':
      return {
        reaches: spell(here),
        harm: (event, random) =>
          lost(
            silentAfter(schedule, event, random, 1, () => ({
              takes: 20 + random.below(60),
              error: 'CERT_HAS_EXPIRED',
              nextRetryAt: null,
            })),
          ),
      };
    case 'rate_limited':
      // Asked to wait a minute, tried again after seconds, and forgotten after the third refusal.
      return {
        reaches: spell(here),
        harm: (event, random) => {
          const rows: Row[] = [];
          let at = event.acceptedAt + random.below(20);
          for (let attempt = 1; attempt <= 3; attempt++) {
            const nextRetryAt = attempt === 3 ? null : at + 30 + 2000 + random.below(2000);
            rows.push(
              row(schedule, attempt, at, {
                takes: 10 + random.below(20),
                status: 429,
                retryAfterS: 60,
                nextRetryAt,
              }),
            );
            at = nextRetryAt ?? at;
          }
          return lost(rows);
        },
      };
    case 'oversize':
      return {
        harm: (event, random) => ({
          ...lost(
            silentAfter(schedule, event, random, 1, () => ({
              takes: 5 + random.below(20),
              status: 413,
              nextRetryAt: null,
            })),
          ),
          bytes: 262_144 + random.below(2_000_000),
        }),
      };
    case 'poison':
      // One type that the receiver cannot read: every one of its events fails, three times, and is forgotten.
      return {
        harm: (event, random) => ({
          ...lost(
            silentAfter(schedule, event, random, 3, () => ({ takes: 15 + random.below(80), status: 422 })),
          ),
          type: 'payment.disputed.v2',
        }),
      };
    case 'acknowledged_unprocessed':
      return { harm: () => ({ fate: 'unprocessed', received: false }) };
    default:
      return cause satisfies never;
  }
}

/** Shares of the events that a cause touches without harm. */
const spared: Partial<Record<InjectedCause, number>> = { retry_race: 0.03, client_timeout: 0.02 };

/**
 * Puts causes into healthy traffic. Nothing is harmed within the last horizon, so that every harmed event is older than
 * the sender's whole schedule; `markers` are the restarts.
 */
export function inject(
  events: readonly GeneratedEvent[],
  recipe: Recipe,
): { events: GeneratedEvent[]; markers: readonly number[] } {
  const { causes, seed, schedule } = recipe;
  const from = events[0]!.acceptedAt;
  const until = events.at(-1)!.acceptedAt;
  const lastHarm = until - horizonOf(recipe);
  const known: number[] = [];
  const result = [...events];
  const harmable = (event: GeneratedEvent): boolean => {
    const now = result[event.number]!;
    return now.acceptedAt < lastHarm && now.cause === null && now.fate === 'delivered';
  };
  for (const { cause, intensity } of causes) {
    const random = new SeededRandom(seed, `cause ${cause}`);
    const wanted = Math.max(1, Math.round(intensity * events.length));
    const middle = from + (0.35 + 0.2 * random.float()) * (until - from);
    // Enough restarts to lose the wanted events around them.
    const near = (events.length / (until - from)) * beforeRestartMs;
    const markers =
      cause === 'restart_loss'
        ? Array.from(
            { length: Math.max(3, Math.ceil((wanted / near) * 1.6)) },
            () => from + random.float() * (lastHarm - from),
          ).toSorted((a, b) => a - b)
        : cause === 'defect_onset'
          ? [middle]
          : [];
    known.push(...markers);
    const byEndpoint = Map.groupBy(events, ({ endpoint }) => endpoint);
    const endpoint = [...byEndpoint.keys()].toSorted()[random.below(byEndpoint.size)]!;
    const injection = injectionOf(cause, {
      schedule,
      markers,
      endpoint,
      onset: middle,
      spell: (of) => {
        const theirs = events
          .filter((event) => of(event) && event.acceptedAt >= middle && harmable(event))
          .slice(0, wanted);
        const numbers = new Set(theirs.map(({ number }) => number));
        return ({ number }) => numbers.has(number);
      },
    });
    const reached = events.filter((event) => harmable(event) && (injection.reaches?.(event) ?? true));
    // A partial shuffle: `wanted` of them, each as likely.
    for (let n = 0; n < Math.min(wanted, reached.length); n++) {
      const other = n + random.below(reached.length - n);
      [reached[n], reached[other]] = [reached[other]!, reached[n]!];
      const event = result[reached[n]!.number]!;
      result[event.number] = { ...event, ...injection.harm(event, random), cause };
    }
    const share = spared[cause];
    if (injection.spares === undefined || share === undefined) continue;
    for (const event of events) {
      if (!harmable(event) || random.float() >= share) continue;
      const now = result[event.number]!;
      result[event.number] = { ...now, ...injection.spares(now, random) };
    }
  }
  return { events: result, markers: known.toSorted((a, b) => a - b) };
}
