import { BlockList, isIP } from 'node:net';
import { urlToHttpOptions } from 'node:url';

/** A proxy that connections to receivers go through. */
export interface Proxy {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  /** The value of `proxy-authorization`, or null. */
  readonly authorization: string | null;
  /** For messages: without credentials. */
  readonly name: string;
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

/** Throws if it is not a proxy's URL; the message never has the credentials. */
export function parseProxy(url: string): Proxy {
  const parsed = URL.parse(url.includes('://') ? url : `http://${url}`);
  if (parsed === null || !/^https?:$/.test(parsed.protocol) || parsed.hostname === '')
    throw new Error('Invalid proxy: use http://host:port or https://host:port.');
  const { protocol, hostname, port, host } = parsed;
  const secure = protocol === 'https:';
  const { auth } = urlToHttpOptions(parsed);
  return {
    host: hostname.startsWith('[') ? hostname.slice(1, -1) : hostname,
    port: port === '' ? (secure ? 443 : 80) : Number(port),
    secure,
    authorization: auth ? `Basic ${Buffer.from(auth).toString('base64')}` : null,
    name: `${protocol}//${host}`,
  };
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

/** The proxy's fault, and so ours: no receiver can mend it. */
export function proxyError({ name }: Proxy, what: string): Error {
  return Object.assign(new Error(`the proxy ${name} ${what}`), { code: 'POSTHORN_PROXY' });
}
