/** An attempt as the simulated network saw it. Times in ms since the world began. */
export interface SeenAttempt {
  readonly endpoint: number;
  readonly payment: number;
  readonly delivery: string;
  /** The fence under which it was sent. */
  readonly claim: number;
  readonly node: string;
  readonly startedAt: number;
  /** When the receiver processed it; null: never. */
  readonly processedAt: number | null;
  readonly ok: boolean;
}

/**
 * What can be seen from outside: the receipts of publishers, and the requests of receivers. Checkers go by it, and by the
 * rows of the store; never by what the engine believes.
 */
export class History {
  readonly payments: number;
  readonly endpoints: number;
  /** By payment: 1 handed over, 2 acknowledged. */
  readonly published: Uint8Array;
  /** By payment: how many deliveries its receipt promised, suppressed ones among them. */
  readonly promised: Uint8Array;
  /** By payment and endpoint: how often it was processed, and when first (ms since the world began). */
  readonly arrivals: Uint8Array;
  readonly firstAt: Float64Array;
  /** Every attempt, where the world is small enough to keep them. */
  readonly attempts: SeenAttempt[] | null;
  /** Lines of a readable account, where one is asked for. */
  readonly lines: string[] | null;
  readonly unexpected: string[] = [];

  constructor(payments: number, endpoints: number, detailed: boolean, traced: boolean) {
    this.payments = payments;
    this.endpoints = endpoints;
    this.published = new Uint8Array(payments);
    this.promised = new Uint8Array(payments);
    this.arrivals = new Uint8Array(payments * endpoints);
    this.firstAt = new Float64Array(payments * endpoints).fill(Number.NaN);
    this.attempts = detailed ? [] : null;
    this.lines = traced ? [] : null;
  }

  /** A line of the trace; built only if it is wanted. */
  note(elapsed: number, line: () => string): void {
    this.lines?.push(`${(elapsed / 1000).toFixed(3).padStart(12)}s  ${line()}`);
  }

  arrived(endpoint: number, payment: number, elapsed: number): void {
    const at = payment * this.endpoints + endpoint;
    if (this.arrivals[at] === 0) this.firstAt[at] = elapsed;
    if (this.arrivals[at]! < 255) this.arrivals[at]!++;
  }
}
