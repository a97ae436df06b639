import { createServices } from '../../../service/services.ts';
import { type Caller, libraryCaller } from '../../../domain/caller.ts';
import { minuteMs, secondMs } from '../../../domain/time.ts';
import { startJobs } from '../../../jobs.ts';
import { createLocalApi, localCall } from '../../../library/local-api.ts';
import { createParts, type Parts } from '../../../parts.ts';
import { SeededRandom } from '../../../runtime/seeded-random.ts';
import { VirtualTime } from '../../../runtime/virtual-time.ts';
import { plainKeyring } from '../../../secrets/keyring.ts';
import { Database } from '../../../store/sqlite/database.ts';
import { migrate } from '../../../store/sqlite/schema.ts';
import { createSqliteStore } from '../../../store/sqlite/sqlite-store.ts';
import type { Api, NewEvent } from '@posthorn/client';
import type { Handlers } from '../../../service/handler.ts';
import type { Store } from '../../../store/store.ts';
import { calendarUntil, type Calendar, historyDays, type Span } from './calendar.ts';
import { formerTeam } from './cast.ts';
import { ProcessClock } from './process-clock.ts';
import { type Operators, writeScript } from './script.ts';
import { deliveriesAnEvent, gapAfter, Traffic } from './traffic.ts';
import { simulatedTransport } from './transports.ts';

/** Periodic checks run this many times less often than in production, except when an alert is expected. */
const slowChecks = 960;
const quickChecks = 8;
const outboxMs = [90_000, 150_000] as const;

export interface HistoryOptions {
  readonly seed: number;
  /** When the history ends, in ms since the epoch. */
  readonly now: number;
  /** Approximate number of deliveries. */
  readonly deliveries: number;
  /** A number between 0 and 1. */
  readonly onProgress?: (share: number) => void;
}

/** One run of a Posthorn process, on simulated time. */
interface Process {
  readonly clock: ProcessClock;
  readonly parts: Parts;
  readonly handlers: Handlers;
  /** The API operations, as the application calls them. */
  readonly api: Api<never>;
  readonly stopJobs: () => void;
}

/** Creates five weeks of Kestrel Pay with the shipped code on simulated time; returns the database that contains it. */
export async function makeHistory(options: HistoryOptions): Promise<Database> {
  const db = new Database(':memory:');
  // It is in memory until it is complete: nothing would read a journal.
  db.raw.exec('PRAGMA synchronous = OFF');
  migrate(db.raw);
  const history = new History(createSqliteStore(db), options);
  await history.run();
  // The API does not delete a team that owns an endpoint; stores of earlier versions have such owners.
  db.raw.prepare("DELETE FROM documents WHERE kind = 'team' AND name = ?").run(formerTeam);
  return db;
}

class History {
  readonly #store: Store;
  readonly #o: HistoryOptions;
  readonly #calendar: Calendar;
  readonly #time: VirtualTime;
  readonly #traffic: Traffic;
  readonly #gaps: SeededRandom;
  /** Failures of work that is not awaited. */
  readonly #failures: unknown[] = [];
  #publisher: Process | null = null;

  constructor(store: Store, options: HistoryOptions) {
    this.#store = store;
    this.#o = options;
    this.#calendar = calendarUntil(options.now);
    this.#time = new VirtualTime(this.#calendar.from);
    this.#traffic = new Traffic(this.#random('traffic'));
    this.#gaps = this.#random('gaps');
  }

  async run(): Promise<void> {
    const { now, onProgress } = this.#o;
    const { from } = this.#calendar;
    const node = await this.#start('node-a', slowChecks);
    this.#publisher = node;
    const operators = this.#operatorsOf(node);
    const script = writeScript(this.#calendar, operators, this.#traffic);
    await script.declare();
    for (const { at, act } of script.acts) this.#at(at, act);
    for (const { from: start, until } of script.watched) {
      this.#at(start, async () => node.clock.slowChecks(quickChecks));
      this.#at(until, async () => node.clock.slowChecks(slowChecks));
    }
    this.#freeze(node, this.#calendar.freeze);
    this.#publishOn();
    for (let day = 1; day <= historyDays; day++) {
      await this.#time.run(
        Math.min(now, from + (day * (now - from)) / historyDays),
        () => this.#failures.length > 0,
      );
      if (this.#failures.length > 0) throw this.#failures[0];
      onProgress?.(day / historyDays);
    }
    let isStopped = false;
    const stopping = this.#stop(node).finally(() => (isStopped = true));
    await this.#time.run(this.#time.now + minuteMs, () => isStopped);
    await stopping;
  }

  #random(name: string): SeededRandom {
    return new SeededRandom(this.#o.seed, name);
  }

  async #start(name: string, slower: number): Promise<Process> {
    const clock = new ProcessClock(this.#time, slower);
    const options = {
      database: ':memory:',
      clock,
      random: this.#random(name),
      transport: () => simulatedTransport(this.#calendar, clock, this.#random(`${name}'s receivers`)),
      evaluateEveryS: 15,
      reconcileEveryS: 86_400,
    };
    const parts = createParts({ store: this.#store, node: name, keyring: plainKeyring }, options);
    await parts.services.readDeclarations();
    await parts.engine.start();
    const stopJobs = startJobs(parts, options);
    const handlers = createServices(parts.services);
    return { clock, parts, handlers, api: createLocalApi(handlers, () => null), stopJobs };
  }

  /** Stops a process in good order; time has to go on meanwhile. */
  async #stop({ parts, stopJobs }: Process): Promise<void> {
    stopJobs();
    await parts.engine.stop(secondMs);
    parts.validator.close();
    parts.transformations.close();
    parts.names.close();
  }

  /** The API operations, as these people call them. */
  #operatorsOf({ handlers }: Process): Operators {
    const keyIds = new Map<string, string>();
    return {
      as: (name) => {
        const caller: Caller = { ...libraryCaller, kind: 'key', id: keyIds.get(name) ?? 'admin', name };
        return createLocalApi(handlers, () => null, { ...localCall, caller });
      },
      know: (name, keyId) => void keyIds.set(name, keyId),
    };
  }

  #at(at: number, act: () => Promise<void>): void {
    this.#time.after(at - this.#time.now, () => {
      act().catch((error: unknown) => this.#failures.push(error));
    });
  }

  #publish(events: readonly NewEvent[]): void {
    this.#publisher!.api.events
      .publishBatch({ events })
      .catch((error: unknown) => this.#failures.push(error));
  }

  /** The outbox of Kestrel's systems is emptied every two minutes, about. */
  #publishOn(): void {
    const perDay = this.#o.deliveries / historyDays / deliveriesAnEvent;
    let next = this.#time.now + gapAfter(this.#gaps, this.#time.now, perDay);
    const empty = (): void => {
      const events: NewEvent[] = [];
      for (; next <= this.#time.now; next += gapAfter(this.#gaps, next, perDay))
        events.push(this.#traffic.event(next));
      if (events.length > 0) this.#publish(events);
      this.#time.after(this.#gaps.between(...outboxMs), empty);
    };
    empty();
  }

  /** A process freezes with requests in progress; another one takes over until it is back. */
  #freeze(node: Process, { from, until }: Span): void {
    let other: Process | null = null;
    const rush = (): Promise<void> => {
      this.#publish(
        Array.from({ length: 24 }, () =>
          this.#traffic.event(this.#time.now, { type: 'payment_intent.succeeded' }),
        ),
      );
      return Promise.resolve();
    };
    this.#at(from - 60, rush);
    this.#at(from - 15, rush);
    this.#at(from, async () => {
      node.clock.freeze();
      other = await this.#start('node-b', 1);
      this.#publisher = other;
    });
    this.#at(until, async () => {
      node.clock.thaw();
    });
    this.#at(until + 5 * minuteMs, async () => {
      this.#publisher = node;
      await this.#stop(other!);
      // This process has not heard of what the other one has changed meanwhile.
      node.parts.engine.wake(
        (await this.#store.read.endpoints({ after: null, limit: 100 })).map(({ id }) => id),
      );
    });
  }
}
