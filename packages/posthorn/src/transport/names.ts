/** The addresses of a host, in the order in which they are to be tried, and for how long they hold. */
export interface FoundAddresses {
  readonly addresses: readonly string[];
  readonly ttlMs: number;
}

export interface LookupListener {
  /** The lookup no longer waits for others of ours. */
  onLookupStarted(): void;
  /** At least one. */
  onFound(found: FoundAddresses): void;
  onNotFound(error: Error): void;
}

/** Finds the addresses of hosts. */
export interface Names {
  /** Calls the listener, maybe at once. Answers how to stop waiting. */
  find(host: string, tenant: string, listener: LookupListener): () => void;
  /** The addresses that hold now; null if none is known to, and then they are looked up in the background. */
  known(host: string, tenant: string): FoundAddresses | null;
  close(): void;
}
