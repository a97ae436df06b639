import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { secondMs } from '../domain/time.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Lines, Stream } from '../service/handler.ts';

/** How often a connection is checked: whether it may still see this, and whether it reads. */
const checkMs = 5 * secondMs;
/** A comment is sent with every this many checks: proxies close silent connections. */
const commentEvery = 3;
/** Maximum bytes that wait for one reader. The messages themselves are shared by all. */
const maxWaiting = 512 * 1024;

/** As it is sent: created once, however many read it. */
const frames = new WeakMap<object, Buffer>();
const comment = Buffer.from(':\n\n');

interface Message {
  readonly event: string;
  readonly id: string | null;
  readonly data: unknown;
}

function toFrame(message: Message): Buffer {
  let frame = frames.get(message);
  if (frame === undefined) {
    const { id, event, data } = message;
    frame = Buffer.from(
      `${id === null ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`,
    );
    frames.set(message, frame);
  }
  return frame;
}

/**
 * Answers with server-sent events until either side ends. A reader that does not keep up is disconnected instead of
 * buffered for (G8); one that may not see this any more as well, within `checkMs` (G9).
 */
export function sendStream(
  reply: FastifyReply,
  stream: Stream<Message>,
  { clock, mayRead }: { readonly clock: Clock; readonly mayRead: () => Promise<boolean> },
): FastifyReply {
  const { raw } = reply;
  void reply.hijack();
  for (const [name, value] of Object.entries(reply.getHeaders()))
    if (value !== undefined) raw.setHeader(name, value);
  // Proxies that buffer answers would pass nothing on.
  raw.setHeader('x-accel-buffering', 'no');
  raw.setHeader('content-type', 'text/event-stream');
  raw.writeHead(200);
  raw.flushHeaders();
  const write = (frame: Buffer): boolean => {
    if (raw.destroyed || raw.writableEnded) return false;
    raw.write(frame);
    if (raw.writableLength <= maxWaiting) return true;
    raw.destroy();
    return false;
  };
  const stop = stream.begin({ send: (message) => write(toFrame(message)), end: () => raw.end() });
  const stopLooking = look(raw, clock, write, mayRead);
  const over = (): void => {
    stopLooking();
    stop();
  };
  if (raw.destroyed) over();
  else raw.once('close', over);
  return reply;
}

/** Checks one connection regularly; returns what stops that. */
function look(
  raw: ServerResponse,
  clock: Clock,
  write: (frame: Buffer) => boolean,
  mayRead: () => Promise<boolean>,
): () => void {
  let looks = 0;
  let isOver = false;
  let cancel = (): void => {};
  let waitedBefore = false;
  const once = async (): Promise<void> => {
    // If the store cannot be read, the connection stays open.
    const may = await mayRead().catch(() => true);
    if (isOver) return;
    if (!may) return void raw.end();
    // In one interval it has not read what was sent before.
    const waits = raw.writableNeedDrain;
    if (waits && waitedBefore) return void raw.destroy();
    waitedBefore = waits;
    if (++looks % commentEvery === 0) write(comment);
    cancel = clock.after(checkMs, () => void once());
  };
  cancel = clock.after(checkMs, () => void once());
  return () => {
    isOver = true;
    cancel();
  };
}

/** The body of a line answer: lines are produced as the client reads them. */
export function lineStream({ lines }: Lines<unknown>): Readable {
  const iterator = lines[Symbol.asyncIterator]();
  const body: Readable = new Readable({
    read: () => {
      const next = async (): Promise<void> => {
        for (;;) {
          const { done, value } = await iterator.next();
          if (done === true) return void body.push(null);
          if (value.length > 0)
            return void body.push(value.map((line) => `${JSON.stringify(line)}\n`).join(''));
        }
      };
      next().catch((error: unknown) => body.destroy(error as Error));
    },
    destroy: (error, done) => {
      // The rest of its end delays nothing.
      iterator.return?.().catch(() => {});
      done(error);
    },
  });
  return body;
}
