import type { Endpoint } from '../domain/endpoint.ts';
import type { NewEvent } from '../domain/event.ts';
import type { TraceContext } from '../domain/trace.ts';
import type { ClaimedDelivery, SettleAnswer, Settlement } from '../store/store.ts';
import type { AttemptResult } from '../transport/transport.ts';

/** Where spans go. Every method is cheap and never throws; without a `Tracing` nothing of it costs anything. */
export interface Tracing {
  /** An event has come in; `parent` is its publisher's context. Ends with its commit. */
  accept(event: NewEvent, parent: TraceContext | null): AcceptSpan;
  /** An attempt begins; `accepted` is the context of the event's accept, where it is known here. */
  attempt(delivery: ClaimedDelivery, endpoint: Endpoint, accepted: TraceContext | null): AttemptSpan;
  /** An attempt's outcome waits for its commit. */
  settling(settlement: Settlement, attempt: TraceContext): void;
  /** The outcome is on disk. A `SettledListener`, spelled out because the library exports this type. */
  settled(settlement: Settlement, answer: SettleAnswer): void;
}

export interface AcceptSpan {
  readonly context: TraceContext;
  end(error: Error | null): void;
}

export interface AttemptSpan {
  /** The context that the receiver continues. */
  readonly context: TraceContext;
  end(result: AttemptResult): void;
}

/** One publishing call's place in its trace. */
export interface AcceptTrace {
  /** The context that the event at this index goes on in. */
  contextOf(index: number): TraceContext;
  end(error: Error | null): void;
}

/** Null where there is nothing to trace and nothing to continue. */
export function traceAccept(
  tracing: Tracing | undefined,
  events: readonly NewEvent[],
  parent: TraceContext | null,
): AcceptTrace | null {
  if (tracing !== undefined) {
    const spans = events.map((event) => tracing.accept(event, parent));
    return {
      contextOf: (index) => spans[index]!.context,
      end: (error) => {
        for (const span of spans) span.end(error);
      },
    };
  }
  return parent === null ? null : { contextOf: () => parent, end: () => {} };
}

/** Contexts that are remembered: the oldest is dropped first, and its retries begin traces of their own. */
const maxRemembered = 10_000;

/**
 * Which trace a delivery belongs to, for as long as it is under way on this node. In memory only: a column for it would cost
 * every delivery, and what is lost with a restart is a line in a drawing.
 */
export class TraceMemory {
  readonly #contexts = new Map<number, TraceContext>();

  remember(delivery: number, context: TraceContext): void {
    if (this.#contexts.size >= maxRemembered) this.#contexts.delete(this.#contexts.keys().next().value!);
    this.#contexts.set(delivery, context);
  }

  get(delivery: number): TraceContext | null {
    return this.#contexts.size === 0 ? null : (this.#contexts.get(delivery) ?? null);
  }

  forget(delivery: number): void {
    if (this.#contexts.size > 0) this.#contexts.delete(delivery);
  }
}
