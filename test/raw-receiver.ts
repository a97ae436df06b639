import { type AddressInfo, createServer, type Socket } from 'node:net';
import { until } from './support.ts';

export interface RawReceiver {
  readonly url: string;
  readonly port: number;
  /** Requests whose body has arrived whole. */
  readonly requests: string[];
  readonly connections: Socket[];
  close(): Promise<void>;
}

/** A receiver that speaks in bytes: `answer` is called for every complete request, with its number on the connection. */
export async function aRawReceiver(
  answer: (socket: Socket, request: { readonly nth: number; readonly all: number }) => void,
  options: { readonly host?: string; readonly port?: number } = {},
): Promise<RawReceiver> {
  const { host = '127.0.0.1', port: wanted = 0 } = options;
  const requests: string[] = [];
  const connections: Socket[] = [];
  const server = createServer((socket) => {
    connections.push(socket);
    socket.setNoDelay(true);
    socket.on('error', () => {});
    let text = '';
    let nth = 0;
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      for (;;) {
        const head = text.indexOf('\r\n\r\n');
        const length = Number(/content-length: (\d+)/i.exec(text.slice(0, head))?.[1] ?? 0);
        if (head < 0 || text.length < head + 4 + length) return;
        requests.push(text.slice(0, head + 4 + length));
        text = text.slice(head + 4 + length);
        answer(socket, { nth: ++nth, all: requests.length });
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(wanted, host, resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${host}:${port}/hook`,
    port,
    requests,
    connections,
    close: async () => {
      for (const socket of connections) socket.destroy();
      server.close();
      await until('the receiver is closed', () => !server.listening);
    },
  };
}
