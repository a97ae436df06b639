import type { Socket } from 'node:net';
import type { Negotiation, TunnelTarget } from './negotiation.ts';
import { type Proxy, proxyAuthorization, proxyError, proxyUnreachable } from './proxy.ts';
import { ResponseReader } from './response-reader.ts';
import { SocksNegotiation } from './socks.ts';

/** Asks a proxy that has been connected to for a way to `host:port`, and calls back once. */
export function openTunnel(
  socket: Socket,
  proxy: Proxy,
  to: TunnelTarget,
  done: (error: Error | null) => void,
): void {
  const negotiation =
    proxy.kind === 'http' ? new ConnectNegotiation(proxy, to) : new SocksNegotiation(proxy, to);
  const finish = (error: Error | null): void => {
    socket.off('data', onData).off('end', onEnd).pause();
    done(error);
  };
  const onEnd = (): void => finish(proxyError(proxy, 'closed the connection'));
  const onData = (chunk: Buffer): void => {
    const step = negotiation.take(chunk, (bytes) => socket.write(bytes));
    if (step !== 'more') finish(step === 'open' ? null : step);
  };
  socket.on('data', onData).on('end', onEnd);
  socket.write(negotiation.opening(), 'latin1');
}

/** Answers of a proxy that could not reach the receiver (RFC 9110, 15.6). */
const unreachable = [502, 503, 504];

/** HTTP's CONNECT. */
class ConnectNegotiation implements Negotiation {
  readonly #proxy: Proxy;
  readonly #authority: string;
  readonly #reader = new ResponseReader(true);

  constructor(proxy: Proxy, { host, port }: TunnelTarget) {
    this.#proxy = proxy;
    this.#authority = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  }

  opening(): string {
    const authority = this.#authority;
    return `CONNECT ${authority} HTTP/1.1\r\nhost: ${authority}\r\n${proxyAuthorization(this.#proxy)}\r\n`;
  }

  take(chunk: Buffer): 'more' | 'open' | Error {
    const reader = this.#reader;
    try {
      reader.read(chunk, { onBody: () => {} });
    } catch (error) {
      return proxyError(this.#proxy, `does not answer as a proxy: ${(error as Error).message}`);
    }
    return reader.complete ? this.#answer(reader) : 'more';
  }

  #answer({ status, rest }: ResponseReader): 'open' | Error {
    const proxy = this.#proxy;
    if (status! >= 200 && status! < 300)
      // Bytes before TLS began are not the receiver's.
      return rest === null ? 'open' : proxyError(proxy, 'sent more than its answer');
    if (status === 407) return proxyError(proxy, 'does not accept the credentials (HTTP 407)');
    if (unreachable.includes(status!)) return proxyUnreachable(`HTTP ${status}`);
    return proxyError(proxy, `refuses the connection (HTTP ${status})`);
  }
}
