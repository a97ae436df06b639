import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

// As much of the Redis protocol (RESP 2) as reading needs. Texts are bytes: what is encrypted in a hash is not UTF-8.

export type Reply = Buffer | number | null | readonly Reply[];

const timeoutMs = 10_000;
/** Limit of received bytes that are not read yet: the replies to an import have kilobytes. */
const maxReplyBytes = 16 * 1024 * 1024;
const maxElements = 100_000;

class Incomplete extends Error {}

/** An error that the server has answered. */
class RedisError extends Error {}

/** Reads one reply from `at`; throws `Incomplete` if it has not come as a whole. Errors within are returned, so that all is read. */
function parseReply(data: Buffer, at: number): { readonly reply: Reply | RedisError; readonly end: number } {
  const lineEnd = data.indexOf('\r\n', at);
  if (lineEnd < 0) throw new Incomplete();
  const line = data.toString('utf8', at + 1, lineEnd);
  let end = lineEnd + 2;
  switch (String.fromCharCode(data[at]!)) {
    case '+':
      return { reply: Buffer.from(line), end };
    case '-':
      return { reply: new RedisError(line), end };
    case ':':
      return { reply: Number(line), end };
    case '$': {
      const length = Number(line);
      if (length < 0) return { reply: null, end };
      if (data.length < end + length + 2) throw new Incomplete();
      return { reply: data.subarray(end, end + length), end: end + length + 2 };
    }
    case '*': {
      const count = Number(line);
      if (count > maxElements) throw new Error(`a reply of ${count} elements`);
      const replies: Reply[] = [];
      for (let n = 0; n < count; n++) {
        const inner = parseReply(data, end);
        if (inner.reply instanceof RedisError) return inner;
        replies.push(inner.reply);
        end = inner.end;
      }
      return { reply: count < 0 ? null : replies, end };
    }
    default:
      throw new Error('not a Redis server');
  }
}

/** One connection; a command at a time. */
export class RedisReader {
  readonly #socket: Socket;
  #data = Buffer.alloc(0);
  #failure: Error | null = null;
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    const fail = (error: Error): void => {
      this.#failure ??= error;
      this.#wake();
    };
    socket.on('timeout', () => socket.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)));
    socket.on('error', fail);
    socket.on('close', () => fail(new Error('the connection was closed')));
    socket.on('data', (chunk: Buffer) => {
      this.#data = Buffer.concat([this.#data, chunk]);
      if (this.#data.length > maxReplyBytes) socket.destroy(new Error('a reply is too large'));
      this.#wake();
    });
  }

  /** `redis://user:password@host:port/database`, or `rediss://` with TLS. */
  static async open(url: string): Promise<RedisReader> {
    const { protocol, hostname: host, port, username, password, pathname } = new URL(url);
    if (protocol !== 'redis:' && protocol !== 'rediss:')
      throw new Error('give a URL such as redis://host:6379/0');
    const place = { host, port: Number(port || 6379), timeout: timeoutMs };
    const isTls = protocol === 'rediss:';
    const reader = new RedisReader(isTls ? connectTls({ ...place, servername: host }) : connect(place));
    try {
      if (password !== '') {
        const user = username === '' ? [] : [decodeURIComponent(username)];
        await reader.call('AUTH', ...user, decodeURIComponent(password));
      }
      const database = pathname.slice(1);
      if (database !== '' && database !== '0') await reader.call('SELECT', database);
    } catch (error) {
      reader.close();
      throw error;
    }
    return reader;
  }

  async call(...words: readonly string[]): Promise<Reply> {
    const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
    this.#socket.write(`*${words.length}\r\n${parts.join('')}`);
    for (;;) {
      if (this.#failure !== null) throw this.#failure;
      try {
        const { reply, end } = parseReply(this.#data, 0);
        this.#data = this.#data.subarray(end);
        if (reply instanceof RedisError) throw reply;
        return reply;
      } catch (error) {
        if (!(error instanceof Incomplete)) throw error;
      }
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** The fields of a hash; empty if there is none. */
  async hash(key: string): Promise<ReadonlyMap<string, Buffer>> {
    const reply = await this.call('HGETALL', key);
    const flat = Array.isArray(reply) ? (reply as readonly Buffer[]) : [];
    const fields = new Map<string, Buffer>();
    for (let at = 0; at + 1 < flat.length; at += 2) fields.set(flat[at]!.toString(), flat[at + 1]!);
    return fields;
  }

  /** The keys of a pattern, each once. */
  async keys(pattern: string, max: number): Promise<readonly string[]> {
    const found = new Set<string>();
    let cursor = '0';
    do {
      const [next, keys] = (await this.call('SCAN', cursor, 'MATCH', pattern, 'COUNT', '1000')) as [
        Buffer,
        Buffer[],
      ];
      for (const key of keys) found.add(key.toString());
      if (found.size > max) throw new Error(`more than ${max} keys match ${pattern}`);
      cursor = next.toString();
    } while (cursor !== '0');
    return [...found].toSorted();
  }

  close(): void {
    this.#socket.destroy();
  }
}
