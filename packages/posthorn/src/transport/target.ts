import type { X509Certificate } from 'node:crypto';
import type { SecureContext } from 'node:tls';
import { certificateFrom } from '../domain/certificate.ts';
import type { Certificate } from '../domain/reach.ts';
import type { Connection } from './connection.ts';
import { type Proxy, proxyAuthorization, type ProxyChoice } from './proxy.ts';
import type { Reach } from './reach.ts';

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
  /** What is special about how it is reached. */
  readonly reach: Reach | null;
  /** Connections go through it; null for none. */
  readonly proxy: Proxy | null;
  /** The proxy opens a way through itself; else it takes the requests, and sends them on. */
  readonly isTunnelled: boolean;
  /** What every request begins with. */
  readonly requestHead: string;
  /** The most recently used last: what is not needed grows old at the bottom, and is closed. */
  readonly idle: IdleConnection[] = [];
  tlsSession: Buffer | null = null;
  /** The context of its own TLS settings; null until it is needed, and without such settings. */
  secureContext: SecureContext | null = null;
  /** What the receiver presented at the last handshake; null once it was taken. */
  seenCertificate: X509Certificate | null = null;
  /** The fingerprint of the one that was taken. */
  takenCertificate = '';
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

  constructor(url: string, proxyFor: ProxyChoice, reach: Reach | null) {
    const { protocol, hostname, port, host, pathname, search } = new URL(url);
    this.url = url;
    this.reach = reach;
    this.secure = protocol === 'https:';
    this.hostname = hostname;
    this.host = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
    this.port = port === '' ? (this.secure ? 443 : 80) : Number(port);
    const own = reach?.proxy ?? null;
    this.proxy = own === null ? proxyFor(this) : own === 'direct' ? null : own;
    // Only the administrator's proxy is believed where it sends what it takes.
    this.isTunnelled =
      this.proxy !== null && (this.secure || this.proxy.kind !== 'http' || !this.proxy.trusted);
    // A proxy that is not asked for a tunnel takes the whole URL, and its credentials with every request.
    const isWhole = this.proxy !== null && !this.isTunnelled;
    this.requestHead =
      `POST ${isWhole ? `${protocol}//${host}` : ''}${pathname}${search} HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n` +
      (isWhole ? proxyAuthorization(this.proxy!) : '');
  }

  /** What the receiver presented, each certificate once. */
  takeCertificate(): Certificate | null {
    const seen = this.seenCertificate;
    if (seen === null) return null;
    this.seenCertificate = null;
    const certificate = certificateFrom(seen);
    if (certificate.fingerprint === this.takenCertificate) return null;
    this.takenCertificate = certificate.fingerprint;
    return certificate;
  }

  /** Whether these are the settings that it was made with: by their key, because each change of an endpoint makes new objects. */
  isFor(url: string, reach: Reach | null): boolean {
    return this.url === url && (this.reach === reach || (reach !== null && this.reach?.key === reach.key));
  }
}
