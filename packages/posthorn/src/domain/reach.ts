// How the receiver of an endpoint is reached, where that is not the usual way. Secrets are sealed.

export type EndpointAuth =
  | { readonly type: 'basic'; readonly username: string; readonly password: string }
  | { readonly type: 'bearer'; readonly token: string }
  | {
      readonly type: 'oauth2_client_credentials';
      readonly tokenUrl: string;
      readonly clientId: string;
      readonly clientSecret: string;
      readonly scope: string | null;
      readonly audience: string | null;
      readonly authMethod: 'basic' | 'body';
    };

/** What a certificate says of itself. */
export interface Certificate {
  readonly subject: string;
  readonly issuer: string;
  readonly notBefore: number;
  readonly notAfter: number;
  /** SHA-256, in hexadecimal with colons. */
  readonly fingerprint: string;
}

export interface EndpointTls {
  /** PEM, its chain behind it. */
  readonly clientCertificate: string | null;
  /** PEM, sealed. */
  readonly clientKey: string | null;
  /** PEM: the only authorities that are trusted; null: those of the system. */
  readonly ca: string | null;
  readonly minVersion: '1.2' | '1.3' | null;
  /** Null: the URL's host. */
  readonly serverName: string | null;
  /** What the texts above hold. */
  readonly clientCertificates: readonly Certificate[];
  readonly authorities: readonly Certificate[];
}

/** `direct`: not through the node's proxy either. */
export type EndpointProxy =
  | 'direct'
  | {
      /** With the user, without the password. */
      readonly url: string;
      /** Sealed. */
      readonly password: string | null;
    };

/** The settings of this kind that an endpoint has. */
export interface ReachSettings {
  readonly auth: EndpointAuth | null;
  readonly tls: EndpointTls | null;
  readonly proxy: EndpointProxy | null;
}

/** Endpoints that were stored before there were such settings say nothing of them. */
export function toReachSettings({ auth, tls, proxy }: Partial<ReachSettings>): ReachSettings {
  return { auth: auth ?? null, tls: tls ?? null, proxy: proxy ?? null };
}

/** A proxy's URL with its password. */
export function withPassword(url: string, password: string | null): string {
  if (password === null) return url;
  const whole = new URL(url);
  whole.password = encodeURIComponent(password);
  return whole.href;
}
