import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export interface TestProxy {
  /** `http://127.0.0.1:port` or `socks5://127.0.0.1:port`. */
  readonly url: string;
  readonly port: number;
  /** What it was asked for: `host:port`, or the URL of a request that it took itself. */
  readonly asked: string[];
  readonly credentials: (string | undefined)[];
  close(): Promise<void>;
}

/** Where a proxy really connects to, whatever it was asked for: tests have no names of their own. Null: it cannot. */
export type Route = (asked: string) => number | null;

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

function closer(server: Server, sockets: Set<Socket>): () => Promise<void> {
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
  });
  return async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
}

/** A real HTTP proxy: takes CONNECT, and requests with a whole URL. */
export async function aConnectProxy(route: Route): Promise<TestProxy> {
  const asked: string[] = [];
  const credentials: (string | undefined)[] = [];
  const server = createHttpServer((request, response) => {
    request.resume();
    asked.push(request.url!);
    credentials.push(request.headers['proxy-authorization']);
    response.end('by the proxy');
  });
  const sockets = new Set<Socket>();
  server.on('connect', (request, socket: Socket) => {
    asked.push(request.url!);
    credentials.push(request.headers['proxy-authorization']);
    const port = route(request.url!);
    if (port === null) {
      socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
      return;
    }
    const onward = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onward.pipe(socket).pipe(onward);
    });
    sockets.add(onward);
    for (const one of [onward, socket]) one.on('error', () => {});
  });
  const close = closer(server, sockets);
  const port = await listening(server);
  return { url: `http://127.0.0.1:${port}`, port, asked, credentials, close };
}

/** Reads exactly so many bytes at a time of a conversation. */
function byteReader(socket: Socket): (length: number) => Promise<Buffer> {
  let bytes = Buffer.alloc(0);
  let wake = (): void => {};
  socket.on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    wake();
  });
  return async (length) => {
    while (bytes.length < length) await new Promise<void>((resolve) => (wake = resolve));
    const taken = bytes.subarray(0, length);
    bytes = bytes.subarray(length);
    return taken;
  };
}

/** A real SOCKS5 proxy (RFC 1928, 1929); `password`: the `user:password` that it demands. */
export async function aSocksProxy(route: Route, password?: string): Promise<TestProxy> {
  const asked: string[] = [];
  const credentials: (string | undefined)[] = [];
  const sockets = new Set<Socket>();
  const serve = async (socket: Socket): Promise<void> => {
    const read = byteReader(socket);
    const [, count] = await read(2);
    const methods = [...(await read(count!))];
    const wanted = password === undefined ? 0 : 2;
    if (!methods.includes(wanted)) {
      socket.end(Buffer.from([5, 0xff]));
      return;
    }
    socket.write(Buffer.from([5, wanted]));
    if (password !== undefined) {
      const user = (await read((await read(2))[1]!)).toString();
      const secret = (await read((await read(1))[0]!)).toString();
      credentials.push(`${user}:${secret}`);
      const isRight = `${user}:${secret}` === password;
      socket.write(Buffer.from([1, isRight ? 0 : 1]));
      if (!isRight) return;
    } else credentials.push(undefined);
    const [, , , type] = await read(4);
    const host =
      type === 1
        ? [...(await read(4))].join('.')
        : type === 3
          ? (await read((await read(1))[0]!)).toString()
          : `[${(await read(16)).toString('hex')}]`;
    const target = `${host}:${(await read(2)).readUInt16BE()}`;
    asked.push(target);
    const port = route(target);
    if (port === null) {
      socket.end(Buffer.from([5, 4, 0, 1, 0, 0, 0, 0, 0, 0]));
      return;
    }
    socket.removeAllListeners('data');
    const onward = connect(port, '127.0.0.1', () => {
      // In pieces: an answer may come so.
      socket.write(Buffer.from([5, 0, 0]));
      setImmediate(() => {
        socket.write(Buffer.from([1, 127, 0, 0, 1, 0, 80]));
        onward.pipe(socket).pipe(onward);
      });
    });
    sockets.add(onward);
    onward.on('error', () => socket.destroy());
  };
  const server = createServer((socket) => void serve(socket));
  const close = closer(server, sockets);
  const port = await listening(server);
  return { url: `socks5://127.0.0.1:${port}`, port, asked, credentials, close };
}

/** A proxy that takes connections and answers nothing. */
export async function anUnansweredProxy(): Promise<{ readonly address: string; close(): Promise<void> }> {
  const server = createServer();
  const close = closer(server, new Set());
  return { address: `127.0.0.1:${await listening(server)}`, close };
}
