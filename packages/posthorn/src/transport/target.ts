import type { Connection } from './connection.ts';
import type { Proxy, ProxyChoice } from './proxy.ts';

/** Idle connections of one sender. */
export interface IdleConnection {
  readonly connection: Connection;
  readonly idleSince: number;
}

/** Where a sender's requests go, and the connections that are kept to there: used by this sender alone (G8). */
export class Target {
  readonly url: string;
  readonly secure: boolean;
  /** As in the URL, an IPv6 address in brackets. */
  readonly hostname: string;
  /** Without the brackets of IPv6. */
  readonly host: string;
  readonly port: number;
  /** Connections go through it; null for none. */
  readonly proxy: Proxy | null;
  /** What every request begins with. */
  readonly requestHead: string;
  /** The most recently used last: what is not needed grows old at the bottom, and is closed. */
  readonly idle: IdleConnection[] = [];
  tlsSession: Buffer | null = null;
  /** The address guard's answer; null until it was asked. */
  refused: Error | 'permitted' | null = null;
  /** Its sender has another one now: nothing is kept for it any more. */
  retired = false;
  /** When it was last used. */
  usedAt = 0;
  /** Reused connections that were closed without an answer, since one was not. */
  staleInARow = 0;
  /** No connection is kept until then: this receiver closes them without saying so. */
  keepNoneUntil = 0;

  constructor(url: string, proxyFor: ProxyChoice) {
    const { protocol, hostname, port, host, pathname, search } = new URL(url);
    this.url = url;
    this.secure = protocol === 'https:';
    this.hostname = hostname;
    this.host = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
    this.port = port === '' ? (this.secure ? 443 : 80) : Number(port);
    this.proxy = proxyFor(this);
    // A proxy that is not asked for a tunnel takes the whole URL, and its credentials with every request.
    const direct = this.proxy === null || this.secure;
    const credentials = direct ? null : this.proxy!.authorization;
    this.requestHead =
      `POST ${direct ? '' : `${protocol}//${host}`}${pathname}${search} HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n` +
      (credentials === null ? '' : `proxy-authorization: ${credentials}\r\n`);
  }
}
