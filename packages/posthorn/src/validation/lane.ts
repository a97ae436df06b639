import type { Verdict } from './protocol.ts';

/** What a job fails with where its schema gave no verdict. */
export type NoVerdict =
  /** Validating took more time or memory than a schema may. */
  | { readonly kind: 'too_expensive'; readonly resource: 'time' | 'memory' }
  /** The schema exceeded its budget again and again; it is tried once more after `retryAfterMs`. */
  | { readonly kind: 'suspended'; readonly retryAfterMs: number }
  /** The schema cannot be compiled or run. */
  | { readonly kind: 'unusable'; readonly message: string }
  /** Too much is waiting, or the validator is closing. */
  | { readonly kind: 'busy' };

/** Texts of one request, to be judged by one schema. */
export interface Job {
  readonly texts: readonly string[];
  readonly verdicts: Verdict[];
  readonly since: number;
  /** Runs in a message of its own: one of those with which it ran before exceeded the budget. */
  alone: boolean;
  readonly resolve: (verdicts: readonly Verdict[]) => void;
  readonly reject: (why: NoVerdict) => void;
}

/** Consecutive texts of a job. */
export interface Slice {
  readonly job: Job;
  readonly from: number;
  readonly to: number;
}

const firstSuspensionMs = 5000;
const maxSuspensionMs = 300_000;
const forgottenAfterMs = 600_000;
/** So many quick messages in a row, and a lane may use any thread. */
const provenAfter = 10;
const maxQuickMs = 50;

/**
 * What is known of a lane: `slow` was more than quick lately, `proven` was quick for long, `fresh` is neither. What hangs
 * is fresh once and slow from then on, so that it leaves threads to the others.
 */
export type LaneRecord = 'proven' | 'fresh' | 'slow';

/** What waits for one schema on behalf of one owner; its share of the threads is one at a time (G8). */
export class ValidationLane {
  readonly hash: string;
  readonly schema: string;
  readonly jobs: Job[] = [];
  running = false;
  #quick = 0;
  #slow = false;
  #strikes = 0;
  #struckAt = 0;
  #suspendedUntil = 0;

  constructor(hash: string, schema: string) {
    this.hash = hash;
    this.schema = schema;
  }

  get record(): LaneRecord {
    if (this.#slow) return 'slow';
    return this.#quick >= provenAfter ? 'proven' : 'fresh';
  }

  /** A message stayed within its budget and used so much processor time. */
  used(ms: number, isAlone: boolean): void {
    if (ms > maxQuickMs) {
      if (isAlone) this.#slowed();
      else this.suspected();
    } else if (++this.#quick >= provenAfter) this.#slow = false;
  }

  /** A message with several jobs took long or exceeded the budget: which of them it was is not known yet. */
  suspected(): void {
    this.#quick = 0;
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
  take(maxTexts: number, maxLength: number): Slice[] {
    const taken: Slice[] = [];
    let texts = 0;
    let length = 0;
    while (this.jobs.length > 0) {
      const job = this.jobs[0]!;
      const from = job.verdicts.length;
      let to = from;
      while (to < job.texts.length && texts < maxTexts && (texts === 0 || length < maxLength)) {
        length += job.texts[to++]!.length;
        texts++;
      }
      // Of a job that does not fit whole, a part runs only in a message of its own.
      if (taken.length > 0 && (job.alone || to < job.texts.length)) break;
      this.jobs.shift();
      taken.push({ job, from, to });
      if (job.alone || to < job.texts.length) break;
    }
    return taken;
  }
}
