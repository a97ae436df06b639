import { PosthornError } from '../domain/errors.ts';
import type { Stream } from '../service/handler.ts';

/** Messages that wait for whoever reads them in this process; beyond, the stream ends. */
const maxWaiting = 1000;

/** The messages of a stream as they are asked for, until it ends or whoever reads it stops. */
export async function* messagesOf<T>(stream: Stream<T>): AsyncGenerator<T> {
  const waiting: T[] = [];
  let hasEnded = false;
  let isSlow = false;
  let wake = (): void => {};
  const stop = stream.begin({
    send: (message) => {
      isSlow ||= waiting.length >= maxWaiting;
      if (isSlow) return false;
      waiting.push(message);
      wake();
      return true;
    },
    end: () => {
      hasEnded = true;
      wake();
    },
  });
  try {
    for (;;) {
      const next = waiting.shift();
      if (next !== undefined) {
        yield next;
        continue;
      }
      if (isSlow || hasEnded) throw ended(isSlow);
      await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    stop();
  }
}

function ended(isSlow: boolean): PosthornError {
  return new PosthornError(
    'unavailable',
    isSlow
      ? `The stream was read too slowly: ${maxWaiting} messages waited. Open another one, and read faster.`
      : 'The stream has ended: what was watched cannot be read any more, or this node stops.',
  );
}
