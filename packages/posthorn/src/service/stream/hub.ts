import { maxStreams } from '../../contract/limits.ts';
import { PosthornError } from '../../domain/errors.ts';
import { secondMs } from '../../domain/time.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Random } from '../../runtime/random.ts';
import { posthornErrorOf } from '../errors.ts';

/** A topic is read this often while anybody watches it, whoever and however many. */
const pollMs = secondMs;
/** Of the time, so much at most goes into the readings of one topic. */
const maxShare = 0.05;
/** Different topics that are watched at once: each costs a reading a second. */
const maxTopics = 400;
const retryAfterS = 5;

/** One thing of a topic, as it is now. */
export interface Item<M> {
  /** Within its topic. */
  readonly key: string;
  /** The same only if nothing has changed. */
  readonly text: string;
  /** Whether somebody who comes to watch is told of it. */
  readonly isCurrent: boolean;
  /** The message with its id. */
  readonly message: (id: string) => M;
}

export interface Topic<M> {
  /** The same for everybody who is shown the same. */
  readonly key: string;
  /** Rejects with `not_found` or `forbidden` if it cannot be watched any more. */
  readonly read: () => Promise<readonly Item<M>[]>;
}

export interface Watcher<M> {
  readonly send: (message: M) => void;
  readonly end: () => void;
}

/** What whoever watches holds until it begins, and until it ends. */
export interface Watch<M> {
  /** Sends the present state, and then what changes. */
  begin(watcher: Watcher<M>): void;
  end(): void;
}

interface Sent<M> {
  /** Rises with every change of anything on this node. */
  readonly at: number;
  readonly text: string;
  readonly isCurrent: boolean;
  readonly message: M;
}

/** A topic that is watched: read by one loop for all its watchers. */
interface Source<M> {
  readonly items: Map<string, Sent<M>>;
  readonly watchers: Set<Watcher<M>>;
  /** After the first reading. */
  readonly ready: Promise<void>;
  /** Who watches, and who waits for the first reading to do so. */
  holders: number;
  stop: () => void;
}

export interface StreamHub<M> {
  /**
   * Resolves when every topic was read once, and rejects as that does, or with `busy`. `lastId` is of the last message that the
   * watcher has seen: what has not changed since is not sent again, if this node has sent it.
   */
  watch(topics: readonly Topic<M>[], lastId: string | null): Promise<Watch<M>>;
  /** Ends every watch, and begins no other. */
  close(): void;
}

/**
 * Reads what is watched, once a second for each topic, and tells those who watch it what has changed. It keeps nothing for
 * anybody: a watcher that missed something comes again with the id of the last message that it saw.
 */
export function createStreamHub<M>(clock: Clock, random: Random): StreamHub<M> {
  /** Ids of another run of this node, or of another node, say nothing here. */
  const run = Buffer.from(random.bytes(6)).toString('base64url');
  const sources = new Map<string, Source<M>>();
  const open = new Set<() => void>();
  let changes = 0;
  let watching = 0;
  let isClosed = false;

  const changedIn = (source: Source<M>, items: readonly Item<M>[]): void => {
    const known = new Set<string>();
    for (const { key, text, isCurrent, message } of items) {
      known.add(key);
      if (source.items.get(key)?.text === text) continue;
      const at = ++changes;
      const sent = { at, text, isCurrent, message: message(`${run}.${at}`) };
      source.items.set(key, sent);
      for (const watcher of source.watchers) watcher.send(sent.message);
    }
    for (const key of source.items.keys()) if (!known.has(key)) source.items.delete(key);
  };

  const start = ({ key, read }: Topic<M>): Source<M> => {
    const first = Promise.withResolvers<void>();
    const source: Source<M> = {
      items: new Map(),
      watchers: new Set(),
      ready: first.promise,
      holders: 0,
      stop: () => {},
    };
    const drop = (): void => {
      if (sources.get(key) === source) sources.delete(key);
    };
    let isStopped = false;
    const poll = async (): Promise<void> => {
      const startedAt = clock.monotonic();
      try {
        const items = await read();
        if (isStopped) return;
        changedIn(source, items);
        first.resolve();
      } catch (error) {
        first.reject(error as Error);
        if (isStopped) return;
        // A store that is away comes back; what is not there any more does not.
        if (posthornErrorOf(error)?.code !== 'unavailable') {
          drop();
          for (const watcher of source.watchers) watcher.end();
          return;
        }
      }
      const tookMs = clock.monotonic() - startedAt;
      cancel = clock.after(Math.max(pollMs, tookMs / maxShare), () => void poll());
    };
    let cancel = (): void => {};
    source.stop = () => {
      isStopped = true;
      cancel();
      drop();
    };
    sources.set(key, source);
    // Whoever waits for it hears of a failure; nobody may wait.
    first.promise.catch(() => {});
    void poll();
    return source;
  };

  const hold = (topic: Topic<M>): Source<M> => {
    let source = sources.get(topic.key);
    if (source === undefined) {
      if (sources.size >= maxTopics) throw busy(`${maxTopics} topics are watched here already`);
      source = start(topic);
    }
    source.holders++;
    return source;
  };
  const release = (source: Source<M>): void => {
    source.holders--;
    if (source.holders === 0) source.stop();
  };

  /** The last change that a watcher has heard of; 0: nothing is known of that. */
  const seenBy = (lastId: string | null): number => {
    const [its, at] = lastId?.split('.') ?? [];
    return its === run && /^\d{1,15}$/.test(at ?? '') ? Number(at) : 0;
  };

  return {
    watch: async (topics, lastId) => {
      if (isClosed)
        throw new PosthornError('unavailable', 'The server is stopping: connect to another node.');
      if (watching >= maxStreams) throw busy(`${maxStreams} streams are open here already`);
      watching++;
      const held: Source<M>[] = [];
      let watcher: Watcher<M> | null = null;
      let hasEnded = false;
      const end = (): void => {
        if (hasEnded) return;
        hasEnded = true;
        watching--;
        open.delete(close);
        for (const source of held) {
          if (watcher !== null) source.watchers.delete(watcher);
          release(source);
        }
      };
      const close = (): void => {
        end();
        watcher?.end();
      };
      open.add(close);
      try {
        for (const topic of topics) held.push(hold(topic));
        await Promise.all(held.map(({ ready }) => ready));
      } catch (error) {
        end();
        throw error;
      }
      const seen = seenBy(lastId);
      return {
        begin: (to) => {
          watcher = to;
          if (hasEnded) return to.end();
          const present = held.flatMap(({ items }) => [...items.values()]);
          for (const { at, isCurrent, message } of present.toSorted((a, b) => a.at - b.at))
            if (at > seen && (isCurrent || seen > 0)) to.send(message);
          for (const source of held) source.watchers.add(to);
        },
        end,
      };
    },
    close: () => {
      isClosed = true;
      for (const end of open) end();
    },
  };
}

function busy(why: string): PosthornError {
  return new PosthornError('busy', `${why}: try again, or another node.`, [], retryAfterS);
}
