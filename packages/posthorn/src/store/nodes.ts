// The part of the port for nodes that share a store.

export interface NodeRecord {
  readonly node: string;
  readonly startedAt: number;
  readonly heartbeatAt: number;
}

export interface Heartbeat {
  /** The store's own time, which all nodes share; null where the store has one owner and no clock. */
  readonly now: number | null;
  /** Living nodes, sorted, this one among them. */
  readonly nodes: readonly string[];
  /** Nodes found dead in this heartbeat, and by no other node before: their claims are to be taken over. */
  readonly dead: readonly string[];
  /** Goes up with every change of an endpoint, by any node. */
  readonly configVersion: number;
}

export interface NodeWrites {
  /**
   * Records that this node lives, and returns which others do. `sinceMs` is how long ago its last heartbeat was answered, by its
   * monotonic clock, or null: if the store's clock has moved much further since, no node is declared dead for that.
   */
  heartbeat(node: string, sinceMs: number | null): Promise<Heartbeat>;
  /** Deregisters this node, so that the others take over its shards at once. */
  leave(node: string): Promise<void>;
}

export interface NodeLookups {
  /** Lists the registered nodes by name; a store with one owner has none. */
  nodes(): Promise<readonly NodeRecord[]>;
}

/** What a store shared by many nodes tells them at once; every hint may be lost. */
export interface Hints {
  onDue(fn: (endpointIds: readonly string[]) => void): void;
  /** Endpoints or nodes have changed. */
  onConfig(fn: () => void): void;
  /** Whether another living process has this node's name: each would recover claims of the other's. */
  readonly isNameShared: boolean;
  /** Reconnects where the line is down. */
  look(): void;
  stop(): Promise<void>;
}
