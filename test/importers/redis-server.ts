import { type AddressInfo, createServer, type Socket } from 'node:net';

export interface TestRedis {
  readonly url: string;
  readonly hashes: Map<string, Record<string, string | Buffer>>;
  close(): Promise<void>;
}

const bulk = (text: string | Buffer): Buffer =>
  Buffer.concat([Buffer.from(`$${Buffer.byteLength(text)}\r\n`), Buffer.from(text), Buffer.from('\r\n')]);
const array = (parts: readonly Buffer[]): Buffer =>
  Buffer.concat([Buffer.from(`*${parts.length}\r\n`), ...parts]);

/** The part of Redis that reading hashes takes. It answers in small pieces, and scans two keys at a time. */
export async function startRedis(password: string): Promise<TestRedis> {
  const hashes: TestRedis['hashes'] = new Map();
  const sockets = new Set<Socket>();
  const answer = (words: readonly string[], session: { trusted: boolean }): Buffer => {
    const [name, ...rest] = words;
    if (name === 'AUTH') {
      session.trusted = rest.at(-1) === password;
      return Buffer.from(session.trusted ? '+OK\r\n' : '-WRONGPASS invalid username-password pair\r\n');
    }
    if (!session.trusted) return Buffer.from('-NOAUTH Authentication required.\r\n');
    if (name === 'HGETALL')
      return array(
        Object.entries(hashes.get(rest[0]!) ?? {}).flatMap(([field, value]) => [bulk(field), bulk(value)]),
      );
    if (name === 'SCAN') {
      const parts = rest[2]!.split('*');
      const keys = [...hashes.keys()].filter((key) => key.startsWith(parts[0]!) && key.endsWith(parts[1]!));
      const from = Number(rest[0]);
      const next = from + 2 < keys.length ? from + 2 : 0;
      // A key may come twice.
      const page = keys.slice(Math.max(0, from - 1), from + 2);
      return array([bulk(String(next)), array(page.map(bulk))]);
    }
    return Buffer.from(`-ERR unknown command '${name}'\r\n`);
  };
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => {});
    const session = { trusted: false };
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString();
      const count = Number(/^\*(\d+)\r\n/.exec(text)?.[1]);
      const words = [...text.matchAll(/\$\d+\r\n(.*?)\r\n/gs)].map(([, word]) => word!);
      if (words.length < count) return;
      text = '';
      const reply = answer(words, session);
      for (let at = 0; at < reply.length; at += 7) socket.write(reply.subarray(at, at + 7));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `redis://:${password}@127.0.0.1:${(server.address() as AddressInfo).port}`,
    hashes,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
