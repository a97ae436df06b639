import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../runtime/clock.ts';
import { nextTurn } from '../runtime/turn.ts';
import { PosthornError } from '../domain/errors.ts';
import { rawProblem } from './problem.ts';

const maxConnections = 2000;
/** Beyond this number, idle connections are closed for new ones. */
const roomForDropped = 50;
/** Requests that one connection may pipeline. */
const maxPipelined = 100;
const headersTimeoutMs = 10_000;
/** For a whole request, including its body. */
const requestTimeoutMs = 30_000;
/** For a request whose body is processed line by line: as long as it makes progress. */
const longRequestMs = 30 * 60_000;
const keepAliveTimeoutMs = 75_000;
/** Without a byte in either direction: a client that does not read its answer is disconnected. */
const idleTimeoutMs = 120_000;
const checkEveryMs = 2000;
/**
 * The body of a refused request is read no further than this, and its connection stays open this long for the answer to
 * be read.
 */
const maxDrainedBytes = 16 * 1024;
const maxLingerBytes = 256 * 1024;
const lingerMs = 1000;
/** When the server closes, requests have this long to arrive, and this long to be answered. */
const arriveGraceMs = 2000;
const answerGraceMs = 10_000;

type Handle = (request: IncomingMessage, response: ServerResponse) => void;

/** The state of a connection. Its requests are handled one after the other, even if it pipelines them. */
interface Connection {
  /** The answer in progress, or null. */
  answering: ServerResponse | null;
  /** When its request must have arrived, by the monotonic clock. */
  dueAt: number;
  /** Whether it ever sent a whole request. */
  served: boolean;
  readonly waiting: (readonly [IncomingMessage, ServerResponse])[];
}

export interface HttpServer {
  readonly server: Server;
  /** Asks the client for the body that it holds back (`Expect: 100-continue`), once it is going to be read. */
  continueBody(request: IncomingMessage): void;
  /** The body of this request is processed as it arrives, and may take long. */
  takeLong(request: IncomingMessage): void;
  /** Answers what is not a request, or came too late or is too large, and closes the connection. */
  refuse(error: Error & { readonly code?: string }, socket: Socket): void;
  /** Closes idle connections, and all of them within a grace period. The caller closes the server. */
  closing(): void;
}

/** Whether the rest of the body is too large to be read and discarded. */
function hasUnreadBody(request: IncomingMessage, status: number): boolean {
  if (request.complete) return false;
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  if (encoding !== undefined) return true;
  const bytes = Number(length ?? 0);
  return bytes > (status === 401 || status === 429 ? 0 : maxDrainedBytes);
}

function malformed(code: string | undefined): PosthornError {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return new PosthornError('request_timeout', 'The request took too long to arrive.');
  if (code === 'HPE_INVALID_TRANSFER_ENCODING')
    return new PosthornError('not_implemented', 'The only transfer encoding is chunked.');
  if (code === 'HPE_HEADER_OVERFLOW')
    return new PosthornError('headers_too_large', 'The request line and headers are larger than 16 KiB.');
  return new PosthornError('bad_request', 'The request is not valid HTTP/1.1.');
}

/**
 * An HTTP server whose connections are limited (G8): in number, time, pipelined requests and answers in progress. It
 * closes a connection rather than read a body that is not needed.
 */
export function createHttpServer(
  handle: Handle,
  clock: Clock,
  requestId: () => string,
  maxSockets = maxConnections,
): HttpServer {
  return new BoundedServer({ handle, clock, requestId, maxSockets });
}

interface ServerOptions {
  readonly handle: Handle;
  readonly clock: Clock;
  readonly requestId: () => string;
  readonly maxSockets: number;
}

class BoundedServer implements HttpServer {
  readonly server: Server;
  readonly #o: ServerOptions;
  readonly #connections = new Map<Socket, Connection>();
  /** Requests that hold their body back, with their answers. */
  readonly #held = new WeakMap<IncomingMessage, ServerResponse>();
  #isClosing = false;

  constructor(options: ServerOptions) {
    this.#o = options;
    this.server = createServer({
      headersTimeout: headersTimeoutMs,
      // The limit of bodies is below: some requests may take longer than others.
      requestTimeout: 0,
      keepAliveTimeout: keepAliveTimeoutMs,
      connectionsCheckingInterval: checkEveryMs,
      // Node would refuse it with an empty answer.
      requireHostHeader: false,
    });
    this.server.maxConnections = options.maxSockets;
    this.server.timeout = idleTimeoutMs;
    this.#listen(this.server);
    this.#refuseLate(this.server);
  }

  #listen(server: Server): void {
    const take = (request: IncomingMessage, response: ServerResponse): void => this.#take(request, response);
    server.on('drop', () => this.#makeRoom());
    server.on('connection', (socket: Socket) => {
      this.#connections.set(socket, { answering: null, dueAt: 0, served: false, waiting: [] });
      socket.once('close', () => this.#connections.delete(socket));
    });
    server.on('request', take);
    server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
      this.#held.set(request, response);
      take(request, response);
    });
    // Without this listener Node would answer 417 by itself, and CONNECT not at all.
    server.on('checkExpectation', take);
    server.on('connect', (_request: IncomingMessage, socket: Socket) =>
      this.#sendLast(socket, new PosthornError('not_implemented', 'The server is not a proxy.')),
    );
  }

  refuse: HttpServer['refuse'] = (error, socket) => {
    // An answer that has begun would be mixed with this one.
    const hasBegun = this.#connections.get(socket)?.answering?.headersSent ?? false;
    // A browser opens connections ahead: an answer to one that asked for nothing would be read as that of its next request.
    const isUnused = socket.bytesRead === 0 && error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
    if (!socket.writable || hasBegun || isUnused) return void socket.destroy();
    this.#sendLast(socket, malformed(error.code));
  };

  takeLong: HttpServer['takeLong'] = ({ socket }) => {
    const connection = this.#connections.get(socket);
    if (connection !== undefined) connection.dueAt = this.#o.clock.monotonic() + longRequestMs;
  };

  continueBody: HttpServer['continueBody'] = (request) => {
    this.#held.get(request)?.writeContinue();
    this.#held.delete(request);
  };

  closing: HttpServer['closing'] = () => {
    const { clock } = this.#o;
    this.#isClosing = true;
    for (const [socket, { answering }] of this.#connections) if (answering === null) socket.destroy();
    // A server that never listened never reports that it closed.
    if (!this.server.listening) return;
    const cancels = [
      clock.after(arriveGraceMs, () => {
        for (const [socket, { answering }] of this.#connections)
          if (answering?.req.complete !== true) socket.destroy();
      }),
      clock.after(answerGraceMs, () => this.server.closeAllConnections()),
    ];
    this.server.once('close', () => cancels.forEach((cancel) => cancel()));
  };

  /** Idle connections make way for new ones; first those that never sent a whole request. */
  #makeRoom(): void {
    const idle = [...this.#connections].filter(([, { answering }]) => answering === null);
    const useless = idle.filter(([, { served }]) => !served);
    for (const [socket] of [...useless, ...idle].slice(0, roomForDropped)) socket.destroy();
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    const connection = this.#connections.get(socket);
    if (connection === undefined) return;
    if (connection.answering === null) this.#begin(connection, request, response);
    else if (connection.waiting.length < maxPipelined) connection.waiting.push([request, response]);
    else socket.destroy();
  }

  #begin(connection: Connection, request: IncomingMessage, response: ServerResponse): void {
    connection.answering = response;
    connection.dueAt = this.#o.clock.monotonic() + requestTimeoutMs;
    connection.served = true;
    this.#closeIfUnread(request, response);
    response.once('close', () => {
      const next = connection.waiting.shift();
      if (next === undefined) {
        connection.answering = null;
        return;
      }
      // After a turn: pipelined requests do not keep other connections from theirs.
      void nextTurn().then(() => {
        if (!request.socket.destroyed && response.shouldKeepAlive) return this.#begin(connection, ...next);
        connection.answering = null;
        connection.waiting.length = 0;
      });
    });
    this.#o.handle(request, response);
  }

  /** The answer says `connection: close` if the connection ends with it. */
  #closeIfUnread(request: IncomingMessage, response: ServerResponse): void {
    const writeHead = response.writeHead.bind(response) as (...args: unknown[]) => ServerResponse;
    response.writeHead = (...args: unknown[]): ServerResponse => {
      const isUnread = hasUnreadBody(request, Number(args[0]));
      if (isUnread || this.#isClosing) response.shouldKeepAlive = false;
      if (isUnread) request.socket.destroySoon = () => this.#linger(request.socket, request);
      return writeHead(...args);
    };
  }

  /** Lets the client read the answer before its connection is closed: a reset would discard the answer. */
  #linger(socket: Socket, request: IncomingMessage): void {
    socket.end();
    let seen = 0;
    request.on('data', (chunk: Buffer) => {
      seen += chunk.length;
      if (seen > maxLingerBytes) request.pause();
    });
    const cancel = this.#o.clock.after(lingerMs, () => socket.destroy());
    request.once('end', () => socket.destroy());
    socket.once('close', cancel);
  }

  /** Answers what is not going to be a request, and closes the connection. */
  #sendLast(socket: Socket, problem: PosthornError): void {
    socket.end(rawProblem(problem, this.#o.requestId()));
    socket.pause();
    const cancel = this.#o.clock.after(lingerMs, () => socket.destroy());
    socket.once('close', cancel);
  }

  /** While the server listens, refuses requests that have not arrived in time. */
  #refuseLate(server: Server): void {
    const { clock } = this.#o;
    let cancel = (): void => {};
    const check = (): void => {
      const now = clock.monotonic();
      for (const [socket, { answering, dueAt }] of this.#connections)
        if (answering !== null && !answering.req.complete && dueAt < now)
          this.refuse(Object.assign(new Error('late'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }), socket);
      cancel = clock.after(checkEveryMs, check);
    };
    server.once('listening', () => (cancel = clock.after(checkEveryMs, check)));
    server.once('close', () => cancel());
  }
}
