/** An address of a host, and for how long its name server says that it holds. */
export interface FoundAddress {
  readonly address: string;
  readonly ttlMs: number;
}

export interface LookupListener {
  /** The lookup no longer waits for others of ours. */
  onLookupStarted(): void;
  /** In the order in which they are to be tried; at least one. */
  onFound(addresses: readonly FoundAddress[]): void;
  onNotFound(error: Error): void;
}

/** Finds the addresses of hosts. */
export interface Names {
  /** Calls the listener, maybe at once. Answers how to stop waiting. */
  find(host: string, tenant: string, listener: LookupListener): () => void;
  /**
   * The addresses that the name has now as far as is known; null where that is not known any more, and then they are looked up
   * in the background.
   */
  known(host: string, tenant: string): readonly FoundAddress[] | null;
  close(): void;
}
