/** What a proxy and its client say to each other until a connection stands. Each side's words are bounded. */
export interface Negotiation {
  opening(): string | Buffer;
  /** Takes what arrived: more has to come, the way is open, or why there is none. */
  take(chunk: Buffer, send: (bytes: Buffer) => void): 'more' | 'open' | Error;
}

export interface TunnelTarget {
  /** A name, or an address without brackets. */
  readonly host: string;
  readonly port: number;
}
