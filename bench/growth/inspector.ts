// Node's inspector: https://chromedevtools.github.io/devtools-protocol/v8/ and, for threads,
// https://github.com/nodejs/node/blob/main/src/inspector/node_protocol.pdl

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly sessionId: string; readonly message: string };
  readonly result?: { readonly usedSize?: number };
}

/** Sends commands to the main thread, and through it to others; each answer is a message of the same id. */
class Inspector {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<string, (answer: Message) => void>();
  readonly threads: string[] = [];
  #lastId = 0;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => this.#take(JSON.parse(data as string) as Message, ''));
  }

  #take({ id, method, params, ...message }: Message, thread: string): void {
    if (method === 'NodeWorker.attachedToWorker') this.threads.push(params!.sessionId);
    if (method === 'NodeWorker.receivedMessageFromWorker')
      this.#take(JSON.parse(params!.message) as Message, params!.sessionId);
    this.#waiting.get(`${thread} ${id}`)?.(message);
    this.#waiting.delete(`${thread} ${id}`);
  }

  /** `thread`: empty for the main thread. */
  async send(thread: string, method: string, params: object = {}): Promise<Message> {
    const id = ++this.#lastId;
    const { promise, resolve } = Promise.withResolvers<Message>();
    this.#waiting.set(`${thread} ${id}`, resolve);
    const message = JSON.stringify({ id, method, params });
    if (thread === '') this.#socket.send(message);
    else await this.send('', 'NodeWorker.sendMessageToWorker', { sessionId: thread, message });
    return await promise;
  }
}

/**
 * Collects the garbage of every thread of a process that was started with `--inspect=127.0.0.1:<port>`; returns the bytes of all heaps that
 * are in use then.
 */
export async function collectGarbage(port: number): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/json/list`);
  const [target] = (await response.json()) as { readonly webSocketDebuggerUrl: string }[];
  const socket = new WebSocket(target!.webSocketDebuggerUrl);
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve);
    socket.addEventListener('error', reject);
  });
  const inspector = new Inspector(socket);
  // Answered once all threads that run are attached.
  await inspector.send('', 'NodeWorker.enable', { waitForDebuggerOnStart: false });
  let used = 0;
  for (const thread of ['', ...inspector.threads]) {
    await inspector.send(thread, 'HeapProfiler.collectGarbage');
    used += (await inspector.send(thread, 'Runtime.getHeapUsage')).result!.usedSize!;
  }
  socket.close();
  return used;
}
