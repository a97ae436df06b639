import { maxStreams } from '../../contract/limits.ts';
import { PosthornError } from '../../domain/errors.ts';
import { secondMs } from '../../domain/time.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Random } from '../../runtime/random.ts';
import { toPosthornError } from '../errors.ts';

/** A topic is read this often while it is watched, however many watch it. */
const pollMs = secondMs;
/** Maximum share of the time spent on the reads of one topic. */
const maxShare = 0.05;
/** Different topics that are watched at once: each costs a read per second. */
const maxTopics = 400;
const retryAfterS = 5;

/** One item of a topic, as it is now. */
export interface Item<M> {
  /** Within its topic. */
  readonly key: string;
  /** The same only if nothing has changed. */
  readonly text: string;
  /** Whether new watchers receive it. */
  readonly isCurrent: boolean;
  /** The message with its id. */
  readonly message: (id: string) => M;
}

export interface Topic<M> {
  /** The same for all callers with the same view. */
  readonly key: string;
  /** Rejects with `not_found` or `forbidden` if it can no longer be watched. */
  readonly read: () => Promise<readonly Item<M>[]>;
}

export interface Watcher<M> {
  readonly send: (message: M) => void;
  readonly end: () => void;
}

/** A watch that has not begun yet, until it ends. */
export interface Watch<M> {
  /** Sends the current state, and then the changes. */
  begin(watcher: Watcher<M>): void;
  end(): void;
}

interface Sent<M> {
  /** Increases with every change on this node. */
  readonly at: number;
  readonly text: string;
  readonly isCurrent: boolean;
  readonly message: M;
}

/** A watched topic: read by one loop for all its watchers. */
interface Source<M> {
  readonly items: Map<string, Sent<M>>;
  readonly watchers: Set<Watcher<M>>;
  /** After the first read. */
  readonly ready: Promise<void>;
  /** The watchers, and those that wait for the first read. */
  holders: number;
  stop: () => void;
}

export interface StreamHub<M> {
  /**
   * Resolves when every topic was read once, and rejects as that does, or with `busy`. `lastId` is of the last message
   * that the watcher has seen: what has not changed since is not sent again, if this node has sent it.
   */
  watch(topics: readonly Topic<M>[], lastId: string | null): Promise<Watch<M>>;
  /** Ends every watch, and begins no other. */
  close(): void;
}

/**
 * Reads watched topics, once per second each, and sends their watchers what has changed. It stores nothing for them: a
 * watcher that missed something reconnects with the id of the last message that it saw.
 */
export function createStreamHub<M>(clock: Clock, random: Random): StreamHub<M> {
  return new Hub(clock, random);
}

class Hub<M> implements StreamHub<M> {
  readonly #clock: Clock;
  /** Ids of another run of this node, or of another node, mean nothing here. */
  readonly #run: string;
  readonly #sources = new Map<string, Source<M>>();
  readonly #open = new Set<() => void>();
  #changes = 0;
  #watching = 0;
  #isClosed = false;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#run = Buffer.from(random.bytes(6)).toString('base64url');
  }

  async watch(topics: readonly Topic<M>[], lastId: string | null): Promise<Watch<M>> {
    if (this.#isClosed)
      throw new PosthornError('unavailable', 'The server is stopping. Connect to another node.');
    if (this.#watching >= maxStreams) throw busy(`${maxStreams} streams are already open here`);
    this.#watching++;
    const held: Source<M>[] = [];
    let watcher: Watcher<M> | null = null;
    let hasEnded = false;
    const end = (): void => {
      if (hasEnded) return;
      hasEnded = true;
      this.#watching--;
      this.#open.delete(close);
      for (const source of held) {
        if (watcher !== null) source.watchers.delete(watcher);
        this.#release(source);
      }
    };
    const close = (): void => {
      end();
      watcher?.end();
    };
    this.#open.add(close);
    try {
      for (const topic of topics) held.push(this.#hold(topic));
      await Promise.all(held.map(({ ready }) => ready));
    } catch (error) {
      end();
      throw error;
    }
    const seen = this.#seenBy(lastId);
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
  }

  close(): void {
    this.#isClosed = true;
    for (const end of this.#open) end();
  }

  /** The last change that a watcher has seen; 0: unknown. */
  #seenBy(lastId: string | null): number {
    const [run, at] = lastId?.split('.') ?? [];
    return run === this.#run && /^\d{1,15}$/.test(at ?? '') ? Number(at) : 0;
  }

  #hold(topic: Topic<M>): Source<M> {
    let source = this.#sources.get(topic.key);
    if (source === undefined) {
      if (this.#sources.size >= maxTopics) throw busy(`${maxTopics} topics are already watched here`);
      source = this.#start(topic);
    }
    source.holders++;
    return source;
  }

  #release(source: Source<M>): void {
    source.holders--;
    if (source.holders === 0) source.stop();
  }

  #start({ key, read }: Topic<M>): Source<M> {
    const first = Promise.withResolvers<void>();
    const source: Source<M> = {
      items: new Map(),
      watchers: new Set(),
      ready: first.promise,
      holders: 0,
      stop: () => {},
    };
    const drop = (): void => {
      if (this.#sources.get(key) === source) this.#sources.delete(key);
    };
    let isStopped = false;
    let cancel = (): void => {};
    const poll = async (): Promise<void> => {
      const startedAt = this.#clock.monotonic();
      try {
        const items = await read();
        if (isStopped) return;
        this.#changed(source, items);
        first.resolve();
      } catch (error) {
        first.reject(error as Error);
        if (isStopped) return;
        // A store that is away comes back; what was deleted does not.
        if (toPosthornError(error)?.code !== 'unavailable') {
          drop();
          for (const watcher of source.watchers) watcher.end();
          return;
        }
      }
      const tookMs = this.#clock.monotonic() - startedAt;
      cancel = this.#clock.after(Math.max(pollMs, tookMs / maxShare), () => void poll());
    };
    source.stop = () => {
      isStopped = true;
      cancel();
      drop();
    };
    this.#sources.set(key, source);
    // A watcher that waits for it sees the failure; there may be none.
    first.promise.catch(() => {});
    void poll();
    return source;
  }

  #changed(source: Source<M>, items: readonly Item<M>[]): void {
    const known = new Set<string>();
    for (const { key, text, isCurrent, message } of items) {
      known.add(key);
      if (source.items.get(key)?.text === text) continue;
      const at = ++this.#changes;
      const sent = { at, text, isCurrent, message: message(`${this.#run}.${at}`) };
      source.items.set(key, sent);
      for (const watcher of source.watchers) watcher.send(sent.message);
    }
    for (const key of source.items.keys()) if (!known.has(key)) source.items.delete(key);
  }
}

function busy(why: string): PosthornError {
  return new PosthornError('busy', `${why}: try again, or another node.`, [], retryAfterS);
}
