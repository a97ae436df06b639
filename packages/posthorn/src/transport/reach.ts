import type { Proxy } from './proxy.ts';

/** How a receiver wants the connection to be secured. Everything in PEM. */
export interface TlsSettings {
  /** The client certificate, its chain behind it. */
  readonly certificate: string | null;
  readonly key: string | null;
  /** The only authorities that are trusted; null: those of the system. */
  readonly ca: string | null;
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3' | null;
  /** The name that is asked for, and that the certificate must have; null: the URL's host. */
  readonly serverName: string | null;
}

/** A client of an OAuth 2 token server, by the grant `client_credentials` (RFC 6749, 4.4). */
export interface OAuthClient {
  readonly tokenUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scope: string | null;
  readonly audience: string | null;
  /** Where the client's credentials stand: in a header, or in the body. */
  readonly method: 'basic' | 'body';
}

/** What is special about how a receiver is reached. Secrets are in clear: it lives in memory only, as long as its endpoint's lane. */
export interface Reach {
  /** The same for the same settings: connections and tokens are kept while it stays. */
  readonly key: string;
  readonly tls: TlsSettings | null;
  /** `direct`: not through this node's proxy either; null: through that one if there is one. */
  readonly proxy: Proxy | 'direct' | null;
  readonly oauth: OAuthClient | null;
}
