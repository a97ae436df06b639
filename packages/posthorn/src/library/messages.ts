import { PosthornError } from '../domain/errors.ts';
import type { Stream } from '../service/handler.ts';

/** Messages that wait for a reader in this process; beyond, the stream ends. */
const maxWaiting = 1000;

/** The messages of a stream as they are requested, until it ends or the reader stops. */
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
      ? `The stream was read too slowly: ${maxWaiting} messages waited. Open a new stream and read faster.`
      : 'The stream has ended: its data can no longer be read, or this node stops. Open a new stream.',
  );
}
