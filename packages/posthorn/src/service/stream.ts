import { iso } from '../domain/time.ts';
import type { ServiceDependencies } from './dependencies.ts';
import { type Handlers, type Of, Stream } from './handler.ts';
import { type Message, topicFor, type WatchedCalls } from './stream/topics.ts';

/** Streams changes as they happen; `calls` are confined to their caller. */
export function streamService(
  { streams, clock, version }: Pick<ServiceDependencies, 'streams' | 'clock' | 'version'>,
  calls: WatchedCalls,
): Handlers<Of<'stream'>> {
  return {
    'stream.open': async ({ query: { topics, last_event_id: lastId = null } }, { caller }) => {
      const watch = await streams.watch(
        topics.map((name) => topicFor(name, caller, calls)),
        lastId,
      );
      return new Stream<Message>((to) => {
        const send = (message: Message): void => {
          if (to.send(message)) return;
          watch.end();
          to.end();
        };
        send({ event: 'hello', id: null, data: { version, now: iso(clock.now()) } });
        watch.begin({ send, end: () => to.end() });
        return () => watch.end();
      });
    },
  };
}
