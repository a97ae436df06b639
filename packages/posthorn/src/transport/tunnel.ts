import type { Socket } from 'node:net';
import { type Proxy, proxyError } from './proxy.ts';
import { ResponseReader } from './response-reader.ts';

/** Answers of a proxy that could not reach the receiver (RFC 9110, 15.6). */
const unreachable = [502, 503, 504];

/** Asks a proxy that has been connected to for a way to `host:port` (CONNECT), and calls back once. */
export function openTunnel(
  socket: Socket,
  proxy: Proxy,
  to: { readonly hostname: string; readonly port: number },
  done: (error: Error | null) => void,
): void {
  const authority = `${to.hostname}:${to.port}`;
  const reader = new ResponseReader(true);
  const finish = (error: Error | null): void => {
    socket.off('data', onData).off('end', onEnd).pause();
    done(error);
  };
  const onEnd = (): void => finish(proxyError(proxy, 'closed the connection'));
  const onData = (chunk: Buffer): void => {
    try {
      reader.read(chunk, { onBody: () => {} });
    } catch (error) {
      finish(proxyError(proxy, `does not answer as a proxy: ${(error as Error).message}`));
      return;
    }
    if (reader.complete) finish(refusal(proxy, reader));
  };
  socket.on('data', onData).on('end', onEnd);
  const credentials = proxy.authorization === null ? '' : `proxy-authorization: ${proxy.authorization}\r\n`;
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nhost: ${authority}\r\n${credentials}\r\n`, 'latin1');
}

function refusal(proxy: Proxy, { status, rest }: ResponseReader): Error | null {
  if (status! >= 200 && status! < 300)
    // Whoever speaks before TLS began is not the receiver.
    return rest === null ? null : proxyError(proxy, 'sent more than its answer');
  if (status === 407) return proxyError(proxy, 'does not accept the credentials (HTTP 407)');
  if (unreachable.includes(status!))
    return Object.assign(new Error(`the proxy cannot reach the receiver (HTTP ${status})`), {
      code: 'POSTHORN_UNREACHABLE',
    });
  return proxyError(proxy, `refuses the connection (HTTP ${status})`);
}
