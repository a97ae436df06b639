import type { Program } from './protocol.ts';

/** What a job fails with if its program gave no result. */
export type NoResult =
  /** Running took more time or memory than a program may. */
  | { readonly kind: 'too_expensive'; readonly resource: 'time' | 'memory' }
  /** The program exceeded its budget again and again; it is tried once more after `retryAfterMs`. */
  | { readonly kind: 'suspended'; readonly retryAfterMs: number }
  /** The program cannot be compiled or run. */
  | { readonly kind: 'unusable'; readonly message: string }
  /** Too much is waiting, or the pool is closing. */
  | { readonly kind: 'busy' };

/** Texts of one request, on which one program runs. */
export interface Job<R> {
  readonly texts: readonly string[];
  readonly results: R[];
  readonly since: number;
  /** Runs in a message of its own: one of those with which it ran before exceeded the budget. */
  alone: boolean;
  readonly resolve: (results: readonly R[]) => void;
  readonly reject: (why: NoResult) => void;
}

/** Consecutive texts of a job. */
export interface Slice<R> {
  readonly job: Job<R>;
  readonly from: number;
  readonly to: number;
}

const firstSuspensionMs = 5000;
const maxSuspensionMs = 300_000;
const forgottenAfterMs = 600_000;
/** So many quick messages in a row, and a lane may use any thread. */
const provenAfter = 10;
const simpleProvenAfter = 1;
const maxQuickMs = 50;

/**
 * What is known of a lane: `slow` was more than quick lately, `proven` was quick for long, `fresh` is neither, and `simple` is
 * fresh with a program that looks quick. What hangs is fresh once and slow from then on, so that it leaves threads to the others.
 */
export type LaneRecord = 'proven' | 'simple' | 'fresh' | 'slow';

/** What waits for one program on behalf of one owner; its share of the threads is one at a time (G8). */
export class Lane<R> {
  readonly program: Program;
  readonly tenant: string;
  readonly jobs: Job<R>[] = [];
  running = false;
  /** Since when it has had no turn: it keeps its place also if what waited was given up; null: it has none to keep. */
  waitingSince: number | null = null;
  #quick = 0;
  #slow = false;
  #strikes = 0;
  #struckAt = 0;
  #suspendedUntil = 0;

  constructor(program: Program, tenant: string) {
    this.program = program;
    this.tenant = tenant;
  }

  get #provenAfter(): number {
    return this.program.isSimple ? simpleProvenAfter : provenAfter;
  }

  get record(): LaneRecord {
    if (this.#slow) return 'slow';
    if (this.#quick >= this.#provenAfter) return 'proven';
    return this.program.isSimple ? 'simple' : 'fresh';
  }

  /** A message stayed within its budget and used so much processor time. */
  used(ms: number, isAlone: boolean): void {
    if (ms > maxQuickMs) {
      if (isAlone) this.#slowed();
      else this.suspected();
    } else if (++this.#quick >= this.#provenAfter) this.#slow = false;
  }

  /** A message with several jobs took long or exceeded the budget: which of them it was is not known yet. */
  suspected(): void {
    this.#quick = 0;
  }

  /** It did not finish within what a fresh lane gets: it goes on where slow ones run. */
  demote(): void {
    this.#slowed();
  }

  /** One job alone exceeded the budget. From the second time on the lane is suspended, for longer each time. */
  strike(now: number): void {
    this.#slowed();
    if (now - this.#struckAt > forgottenAfterMs) this.#strikes = 0;
    this.#strikes++;
    this.#struckAt = now;
    if (this.#strikes > 1)
      this.#suspendedUntil =
        now + Math.min(maxSuspensionMs, firstSuspensionMs * 2 ** Math.min(16, this.#strikes - 2));
  }

  #slowed(): void {
    this.#quick = 0;
    this.#slow = true;
  }

  suspendedForMs(now: number): number {
    return Math.max(0, this.#suspendedUntil - now);
  }

  /** Whether nothing would be lost by forgetting it. */
  isIdle(now: number): boolean {
    return (
      this.jobs.length === 0 &&
      !this.running &&
      (this.#strikes === 0 || now - this.#struckAt > forgottenAfterMs)
    );
  }

  /** What the next message holds, in the order in which it came; a job with many texts takes several messages. */
  take(maxTexts: number, maxLength: number): Slice<R>[] {
    const taken: Slice<R>[] = [];
    let texts = 0;
    let length = 0;
    while (this.jobs.length > 0) {
      const job = this.jobs[0]!;
      const from = job.results.length;
      let to = from;
      while (to < job.texts.length && texts < maxTexts && (texts === 0 || length < maxLength)) {
        length += job.texts[to++]!.length;
        texts++;
      }
      // If a job does not fit as a whole, a part of it runs only in a message of its own.
      if (taken.length > 0 && (job.alone || to < job.texts.length)) break;
      this.jobs.shift();
      taken.push({ job, from, to });
      if (job.alone || to < job.texts.length) break;
    }
    return taken;
  }
}
