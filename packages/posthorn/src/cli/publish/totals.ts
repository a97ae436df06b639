import type { Outcomes, Refusal, WireReceipt } from './batch-sender.ts';
import type { EventLine } from './event-line.ts';

/** Refusals that the JSON summary lists; its `rejected` counts all, and standard error names each. */
const maxListed = 1000;

/** Counts the outcomes of lines. */
export class PublishTotals implements Outcomes {
  readonly #counts = {
    accepted: 0,
    duplicates: 0,
    rejected: 0,
    deliveries: 0,
    /** Accepted, but no endpoint matches them. */
    unmatched: 0,
    /** Accepted without the value that pointers should have found. */
    without_value: 0,
  };
  readonly #rejections: Refusal[] = [];
  readonly #onChange: (accepted: number) => void;
  readonly #onRefused: (refusal: Refusal) => void;
  #read = 0;
  #derivedDuplicates = 0;
  #ownDuplicates = 0;

  constructor(onChange: (accepted: number) => void, onRefused: (refusal: Refusal) => void) {
    this.#onChange = onChange;
    this.#onRefused = onRefused;
  }

  /** Counts a line that is about to be sent. */
  sending(): void {
    this.#read++;
  }

  accepted(line: EventLine, { duplicate, deliveries, suppressed }: WireReceipt, isRetried: boolean): void {
    const counts = this.#counts;
    counts.accepted++;
    counts.duplicates += Number(duplicate);
    counts.deliveries += deliveries;
    counts.unmatched += Number(deliveries === 0 && suppressed === 0);
    counts.without_value += Number(line.lacksValue);
    if (duplicate && isRetried) this.#ownDuplicates++;
    else if (duplicate && line.isIdDerived) this.#derivedDuplicates++;
    this.#onChange(counts.accepted);
  }

  /** Counts a line that the server refused. */
  refused(refusal: Refusal): void {
    this.#read--;
    this.unreadable(refusal);
  }

  /** Counts a line that was refused before it was sent. */
  unreadable(refusal: Refusal): void {
    this.#counts.rejected++;
    if (this.#rejections.length < maxListed) this.#rejections.push(refusal);
    this.#onRefused(refusal);
  }

  /** Lines that were read but have neither a receipt nor a refusal: whether they were accepted is not known. */
  get unconfirmed(): number {
    return this.#read - this.#counts.accepted;
  }

  get rejected(): number {
    return this.#counts.rejected;
  }

  json(): Readonly<Record<string, unknown>> {
    return { ...this.#counts, unconfirmed: this.unconfirmed, rejections: this.#rejections };
  }

  text(): string {
    const { accepted, duplicates, rejected, deliveries } = this.#counts;
    const count = (n: number): string => n.toLocaleString('en-US');
    return [
      `${count(accepted)} accepted${duplicates === 0 ? '' : ` (${count(duplicates)} ${duplicates === 1 ? 'duplicate' : 'duplicates'})`}`,
      `${count(rejected)} rejected`,
      ...(this.unconfirmed === 0 ? [] : [`${count(this.unconfirmed)} unconfirmed`]),
      `${count(deliveries)} deliveries`,
    ].join(', ');
  }

  /** What an operator should know besides the numbers. */
  notes(): string[] {
    const { rejected, unmatched, without_value: withoutValue } = this.#counts;
    const lines = (n: number, one: string, many = one): string =>
      n === 1 ? `1 line ${one}` : `${n.toLocaleString('en-US')} lines ${many}`;
    return [
      [Number(this.#read === 0 && rejected === 0), 'the input contained no event'] as const,
      [
        this.#derivedDuplicates,
        `${lines(this.#derivedDuplicates, 'without an id was', 'without an id were')} published before, with the same text and line number; --new-ids publishes such lines again, as new events`,
      ] as const,
      [
        this.#ownDuplicates,
        `${lines(this.#ownDuplicates, 'may be a duplicate', 'may be duplicates')} from this run: an answer was lost and the batch was sent again`,
      ] as const,
      [
        unmatched,
        `${lines(unmatched, 'matches', 'match')} no endpoint: accepted, but not delivered`,
      ] as const,
      [
        withoutValue,
        `${lines(withoutValue, 'has', 'have')} no amount and currency at the given pointers`,
      ] as const,
    ].flatMap(([n, text]) => (n === 0 ? [] : [text]));
  }
}
