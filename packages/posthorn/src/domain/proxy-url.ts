/** What a proxy's URL says. */
export interface ProxyUrl {
  readonly kind: 'http' | 'socks5';
  readonly secure: boolean;
  /** Without the brackets of IPv6. */
  readonly host: string;
  readonly port: number;
  readonly credentials: { readonly username: string; readonly password: string } | null;
  /** For messages: scheme, host and port, without credentials. */
  readonly name: string;
}

const kinds: Readonly<Record<string, { readonly kind: ProxyUrl['kind']; readonly port: number }>> = {
  'http:': { kind: 'http', port: 80 },
  'https:': { kind: 'http', port: 443 },
  'socks5:': { kind: 'socks5', port: 1080 },
  'socks5h:': { kind: 'socks5', port: 1080 },
};
/** RFC 1929 has one byte for the length of each. */
const maxSocksCredential = 255;

/** Returns what a proxy's URL says, or what is wrong with it, without its credentials. */
export function proxyUrlFrom(text: string): ProxyUrl | string {
  const url = URL.parse(text.includes('://') ? text : `http://${text}`);
  const known = url === null ? undefined : kinds[url.protocol];
  if (url === null || known === undefined || url.hostname === '')
    return 'use http://host:port, https://host:port or socks5://host:port.';
  const { protocol, hostname, port, host, username, password } = url;
  const hasCredentials = username !== '' || password !== '';
  const credentials = hasCredentials ? { username: decoded(username), password: decoded(password) } : null;
  if (credentials !== null && known.kind === 'socks5')
    for (const part of [credentials.username, credentials.password])
      if (part === '' || Buffer.byteLength(part) > maxSocksCredential)
        return 'SOCKS5 takes a user and a password of 1 to 255 bytes.';
  return {
    kind: known.kind,
    secure: protocol === 'https:',
    host: (hostname.startsWith('[') ? hostname.slice(1, -1) : hostname).toLowerCase(),
    port: port === '' ? known.port : Number(port),
    credentials,
    name: `${protocol}//${host}`,
  };
}

/** A percent sign that encodes nothing is itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
