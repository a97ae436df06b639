import type { Money, Counters } from './accounting.ts';

// The part of the store port behind pages about endpoints: counters of many endpoints at once, and what is at risk by type.

export interface EndpointFiguresRequest {
  readonly endpoints: readonly FiguresOf[];
  /** Whole clock hours from this one on (ms since the epoch) are answered one by one. */
  readonly since: number;
  /** The same for latencies. */
  readonly latencySince: number;
}

export interface FiguresOf {
  readonly endpointId: string;
  /** A whole minute: of the clock hour in which it lies, what was accepted before it is answered apart. */
  readonly dueUntil: number;
}

/** Figures of one endpoint, by the time of acceptance. Endpoints that the store does not know are left out. */
export interface EndpointFigures {
  readonly endpointId: string;
  /** Ever: by the counters, without counting rows. */
  readonly pending: number;
  /** Those that retention has not taken. */
  readonly dead: number;
  readonly suppressed: number;
  readonly accepted: number;
  /** Those in which anything was accepted, oldest first. */
  readonly hours: readonly HourCounters[];
  /** What was accepted in the hour of `dueUntil`, before it. */
  readonly partial: Counters;
  /** Count by latency bucket index (`domain/latency.ts`). */
  readonly latency: readonly { readonly bucket: number; readonly count: number }[];
  /** The earliest `due_at` of what is pending. */
  readonly nextDueAt: number | null;
}

export interface HourCounters extends Counters {
  /** The beginning of the hour, ms since the epoch. */
  readonly at: number;
}

export interface RiskRequest {
  readonly endpoints: readonly { readonly endpointId: string; readonly lateBefore: number }[];
  /** The maximum rows that are read for each endpoint and state, the newest first. */
  readonly maxRows: number;
}

export type RiskKind = 'dead' | 'suppressed' | 'late_pending';

/** What is at risk in one endpoint, of one type. */
export interface Risk {
  readonly endpointId: string;
  readonly eventType: string;
  readonly kind: RiskKind;
  readonly deliveries: number;
  /** By currency; events without a value are in none. */
  readonly worth: readonly Money[];
}

export interface RiskAnswer {
  readonly risks: readonly Risk[];
  /** False if some endpoint has more rows than were read. */
  readonly complete: boolean;
}

export interface EndpointFigureReadings {
  endpointFigures(request: EndpointFiguresRequest): Promise<readonly EndpointFigures[]>;
  /** What is dead, suppressed, or accepted before `lateBefore` and still pending, with its worth: counted from rows. */
  atRisk(request: RiskRequest): Promise<RiskAnswer>;
}

type Row = readonly (string | number | bigint | boolean | null)[];

const riskKinds: readonly RiskKind[] = ['late_pending', 'dead', 'suppressed'];

/** Rows: endpoint id, event type, place of the kind in `riskKinds`, currency, sum (text), deliveries. */
export function risksOf(rows: readonly Row[]): Risk[] {
  const risks = new Map<string, Risk>();
  for (const row of rows) {
    const [endpointId, eventType, kind, currency, sum, events] = row as [
      string,
      string,
      number,
      string | null,
      string | null,
      number,
    ];
    const key = `${endpointId} ${kind} ${eventType}`;
    const before = risks.get(key) ?? {
      endpointId,
      eventType,
      kind: riskKinds[kind]!,
      deliveries: 0,
      worth: [],
    };
    const worth =
      currency === null ? before.worth : [...before.worth, { currency, amountMinor: BigInt(sum!), events }];
    risks.set(key, { ...before, deliveries: before.deliveries + events, worth });
  }
  return [...risks.values()];
}
