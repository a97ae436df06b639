import type { WireRecord } from '../domain/attempt.ts';
import type { Clock } from '../runtime/clock.ts';

/** What an unfinished attempt waits for. */
export type DialStage = 'lookup' | 'connection' | 'tunnel through the proxy' | 'TLS handshake';

/** What is kept of the head of an answer. */
const maxHeaders = 20;
const maxHeaderBytes = 4096;

/** How long each stage of making a connection has taken. */
export class DialTimes {
  readonly #clock: Clock;
  /** Null: it has ended. */
  #stage: DialStage | null;
  #since: number;
  readonly #tookMs: Partial<Record<DialStage, number>> = {};

  constructor(clock: Clock, stage: DialStage) {
    this.#clock = clock;
    this.#stage = stage;
    this.#since = clock.monotonic();
  }

  /** Ends the present stage, and begins this one; a stage that is entered twice counts both times. */
  enter(stage: DialStage | null): void {
    const now = this.#clock.monotonic();
    if (this.#stage !== null)
      this.#tookMs[this.#stage] = (this.#tookMs[this.#stage] ?? 0) + now - this.#since;
    this.#since = now;
    this.#stage = stage;
  }

  /** Ends the last stage. */
  end(): void {
    this.enter(null);
  }

  /** So far; null of a stage that was not there. */
  of(stage: DialStage): number | null {
    const past = this.#tookMs[stage] ?? null;
    return stage === this.#stage ? (past ?? 0) + this.#clock.monotonic() - this.#since : past;
  }
}

/** Header fields of an answer, the first ones. */
export class KeptHeaders {
  #left = maxHeaderBytes;
  readonly fields: (readonly [name: string, value: string])[] = [];

  take(name: string, value: string): void {
    if (this.fields.length >= maxHeaders || this.#left <= 0) return;
    // Its holder is the receiver's user.
    const shown = name === 'set-cookie' ? '…' : value.slice(0, this.#left);
    this.#left -= name.length + shown.length;
    this.fields.push([name, shown]);
  }
}

const rounded = (ms: number | null): number | null => (ms === null ? null : Math.round(ms * 10) / 10);

export function wireRecord(
  address: string | null,
  times: DialTimes | null,
  firstByteMs: number | null,
  headers: KeptHeaders | null,
): WireRecord {
  return {
    address,
    phasesMs: {
      lookup: rounded(times?.of('lookup') ?? null),
      connect: rounded(times?.of('connection') ?? null),
      proxy: rounded(times?.of('tunnel through the proxy') ?? null),
      tls: rounded(times?.of('TLS handshake') ?? null),
      firstByte: rounded(firstByteMs),
    },
    headers: headers?.fields ?? [],
  };
}
