import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { Negotiation, TunnelTarget } from './negotiation.ts';
import { type Proxy, proxyError, proxyUnreachable } from './proxy.ts';

const version = 5;
const noAuthentication = 0x00;
const byPassword = 0x02;
const noneAcceptable = 0xff;

/** RFC 1928, 6: what the proxy says of the connection that was asked for. */
const replies: Readonly<Record<number, string>> = {
  1: 'general failure',
  2: 'not allowed by its rules',
  7: 'command not supported',
  8: 'address type not supported',
};
/** Those that are about the receiver. */
const unreachable: Readonly<Record<number, string>> = {
  3: 'network unreachable',
  4: 'host unreachable',
  5: 'connection refused',
  6: 'timed out',
};
/** Bytes of an address in a reply, by its type; a name (3) has its length before it. */
const addressBytes: Readonly<Record<number, number>> = { 1: 4, 4: 16 };

/** Asks a SOCKS5 proxy for a connection (RFC 1928), with user and password if there are some (RFC 1929). */
export class SocksNegotiation implements Negotiation {
  readonly #proxy: Proxy;
  readonly #to: TunnelTarget;
  #stage: 'method' | 'password' | 'reply' = 'method';
  /** What has arrived of the present answer: the longest has 262 bytes, and nothing may follow the last. */
  #received: Buffer = Buffer.alloc(0);

  constructor(proxy: Proxy, to: TunnelTarget) {
    this.#proxy = proxy;
    this.#to = to;
  }

  opening(): Buffer {
    const methods = this.#proxy.credentials === null ? [noAuthentication] : [noAuthentication, byPassword];
    return Buffer.from([version, methods.length, ...methods]);
  }

  take(chunk: Buffer, send: (bytes: Buffer) => void): 'more' | 'open' | Error {
    this.#received = Buffer.concat([this.#received, chunk]);
    for (;;) {
      const taken = this.#step(send);
      if (typeof taken !== 'number') return taken;
      this.#received = this.#received.subarray(taken);
    }
  }

  /** How many bytes an answer had that was understood, and after which the conversation goes on; or how it ends. */
  #step(send: (bytes: Buffer) => void): number | 'more' | 'open' | Error {
    const { length } = this.#received;
    if (this.#stage === 'reply') return this.#takeReply();
    const [first, second] = this.#received;
    if (first !== undefined && first !== (this.#stage === 'method' ? version : 1)) return this.#noProxy();
    if (length < 2) return 'more';
    if (this.#stage === 'password') {
      if (second !== 0) return proxyError(this.#proxy, 'does not accept the credentials');
      send(this.#request());
      return 2;
    }
    if (second === noneAcceptable)
      return proxyError(
        this.#proxy,
        this.#proxy.credentials === null
          ? 'asks for credentials'
          : 'accepts neither the credentials nor a connection without them',
      );
    if (second === noAuthentication) send(this.#request());
    else if (second === byPassword && this.#proxy.credentials !== null) send(this.#password());
    else return this.#noProxy();
    return 2;
  }

  #takeReply(): 'more' | 'open' | Error {
    const bytes = this.#received;
    if (bytes.length > 0 && bytes[0] !== version) return this.#noProxy();
    if (bytes.length < 2) return 'more';
    const reply = bytes[1]!;
    const away = unreachable[reply];
    if (away !== undefined) return proxyUnreachable(away);
    if (reply !== 0)
      return proxyError(this.#proxy, `refuses the connection (${replies[reply] ?? `reply ${reply}`})`);
    if (bytes.length < 5) return 'more';
    const type = bytes[3]!;
    const address = type === 3 ? 1 + bytes[4]! : addressBytes[type];
    if (address === undefined) return this.#noProxy();
    const whole = 4 + address + 2;
    if (bytes.length < whole) return 'more';
    return bytes.length === whole ? 'open' : proxyError(this.#proxy, 'sent more than its answer');
  }

  #password(): Buffer {
    this.#stage = 'password';
    const { username, password } = this.#proxy.credentials!;
    const user = Buffer.from(username);
    const secret = Buffer.from(password);
    return Buffer.concat([Buffer.from([1, user.length]), user, Buffer.from([secret.length]), secret]);
  }

  #request(): Buffer {
    this.#stage = 'reply';
    const { host, port } = this.#to;
    const connect = Buffer.from([version, 1, 0]);
    return Buffer.concat([connect, addressIn(host), Buffer.from([port >> 8, port & 0xff])]);
  }

  #noProxy(): Error {
    return proxyError(this.#proxy, 'does not answer as a SOCKS5 proxy');
  }
}

/** An address with its type, or a name with its length. No name in DNS is longer than 253 bytes. */
function addressIn(host: string): Buffer {
  const family = isIP(host);
  if (family === 0) {
    const name = Buffer.from(host.slice(0, 255));
    return Buffer.concat([Buffer.from([3, name.length]), name]);
  }
  return Buffer.from([family === 4 ? 1 : 4, ...ipaddr.parse(host).toByteArray()]);
}
