// What a comparison needs to know of the sender that delivers while Posthorn is its shadow.

/** An endpoint as the other sender knows it. */
export interface OtherEndpoint {
  readonly id: string;
  /** Null: its log does not say. */
  readonly tenant: string | null;
  /** Names under which Posthorn may have it. */
  readonly names: readonly string[];
  readonly url: string | null;
  /** Null: unknown. */
  readonly isEnabled: boolean | null;
  /** Names of the headers that were set for it. */
  readonly headers: readonly string[];
}

/** What the other sender did with one event for one endpoint. */
export interface OtherDelivery {
  readonly eventId: string;
  readonly type: string | null;
  /** Where it was sent. */
  readonly url: string | null;
  readonly acceptedAt: number | null;
  /** False: the event was accepted there, but not sent to this endpoint so far. */
  readonly isSent: boolean;
  /** By which `bodies` finds what was sent; null: it is not known. */
  readonly body: string | null;
}

export interface TimeRange {
  readonly since: number;
  readonly until: number;
}

/** The deliveries of another sender, from its database or from its log. */
export interface OtherSender {
  endpoints(): Promise<readonly OtherEndpoint[]>;
  /** In any order, each event once. */
  deliveries(endpoint: string, range: TimeRange): AsyncIterable<OtherDelivery>;
  /** The bodies that are known. */
  bodies(references: readonly string[]): Promise<ReadonlyMap<string, Buffer>>;
  close(): Promise<void>;
}
