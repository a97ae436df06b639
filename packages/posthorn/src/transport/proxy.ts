import { BlockList, isIP } from 'node:net';
import { type ProxyUrl, proxyUrlFrom } from '../domain/proxy-url.ts';

/** A proxy that connections to receivers go through. */
export interface Proxy extends ProxyUrl {
  /** The administrator's: connected to wherever it is. An endpoint's own proxy is checked like a receiver (G9). */
  readonly trusted: boolean;
}

/** Proxies by the scheme of what is sent, as the variables HTTP_PROXY, HTTPS_PROXY and NO_PROXY name them. */
export interface ProxyVariables {
  readonly http?: string | undefined;
  readonly https?: string | undefined;
  /** Hosts that are connected to directly. */
  readonly no?: string | undefined;
}

/** Which proxy a connection goes through, or null for none. */
export type ProxyChoice = (to: {
  readonly secure: boolean;
  readonly host: string;
  readonly port: number;
}) => Proxy | null;

/**
 * Throws if it is not a proxy's URL; the message never has the credentials. `socks5h` is the same as `socks5`: who looks names
 * up depends on whose proxy it is (`Dial`).
 */
export function parseProxy(url: string, trusted = true): Proxy {
  const parsed = proxyUrlFrom(url);
  if (typeof parsed === 'string') throw new Error(`Invalid proxy: ${parsed}`);
  return { ...parsed, trusted };
}

/** The line of a request's head that has the credentials for an HTTP proxy. */
export function proxyAuthorization({ credentials }: Proxy): string {
  if (credentials === null) return '';
  const { username, password } = credentials;
  return `proxy-authorization: Basic ${Buffer.from(`${username}:${password}`).toString('base64')}\r\n`;
}

/** One proxy for everything, or those of the variables. */
export function proxyChoice(given: string | ProxyVariables | undefined): ProxyChoice {
  if (given === undefined) return () => null;
  if (typeof given === 'string') {
    const proxy = parseProxy(given);
    return () => proxy;
  }
  const http = given.http ? parseProxy(given.http) : null;
  const https = given.https ? parseProxy(given.https) : null;
  const isDirect = directHosts(given.no ?? '');
  return (to) => (isDirect(to.host, to.port) ? null : to.secure ? https : http);
}

/** Reads NO_PROXY as Node does: names, their domains, addresses, ranges, and ports; networks as CIDR too. */
function directHosts(text: string): (host: string, port: number) => boolean {
  const names: { readonly name: string; readonly port: number | null; readonly below: boolean }[] = [];
  const networks = new BlockList();
  let all = false;
  for (const entry of text.toLowerCase().split(/[\s,]+/)) {
    if (entry === '') continue;
    if (entry === '*') all = true;
    else if (!addNetwork(networks, entry)) {
      const [, name = '', port] = /^(.*?)(?::(\d{1,5}))?$/.exec(entry)!;
      const bare = name.replace(/^\*?\./, '').replace(/\.$/, '');
      names.push({ name: bare, port: port === undefined ? null : Number(port), below: bare !== name });
    }
  }
  return (host, port) => {
    if (all) return true;
    const family = isIP(host);
    if (family !== 0 && networks.check(host, family === 6 ? 'ipv6' : 'ipv4')) return true;
    const name = host.toLowerCase().replace(/\.$/, '');
    return names.some(
      (entry) =>
        (entry.port === null || entry.port === port) &&
        (entry.below ? name.endsWith(`.${entry.name}`) || name === entry.name : name === entry.name),
    );
  };
}

/** Whether an entry is an address, a range of them or a network. */
function addNetwork(networks: BlockList, entry: string): boolean {
  const kind = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 6 ? 'ipv6' : 'ipv4');
  const [first = '', last] = entry.split('-');
  const [base = '', bits] = entry.split('/');
  const single = entry.replace(/^\[|\]$/g, '');
  if (isIP(single) !== 0) networks.addAddress(single, kind(single));
  else if (last !== undefined && isIP(first) !== 0 && isIP(first) === isIP(last))
    networks.addRange(first, last, kind(first));
  else if (isIP(base) !== 0 && /^\d{1,3}$/.test(bits ?? '') && Number(bits) <= (isIP(base) === 6 ? 128 : 32))
    networks.addSubnet(base, Number(bits), kind(base));
  else return false;
  return true;
}

/** A proxy's fault: of the administrator's proxy ours, because no receiver can fix it. */
export function proxyError({ name, trusted }: Proxy, what: string): Error {
  const code = trusted ? 'POSTHORN_PROXY' : 'POSTHORN_OWN_PROXY';
  return Object.assign(new Error(`the proxy ${name} ${what}`), { code });
}

/** The proxy answers that it could not connect to the receiver. */
export function proxyUnreachable(why: string): Error {
  return Object.assign(new Error(`the proxy cannot reach the receiver (${why})`), {
    code: 'POSTHORN_UNREACHABLE',
  });
}
