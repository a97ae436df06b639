import { type Answer, Problem } from '../api.ts';
import { serverEvents } from './server-events.ts';

export type Message = Answer<'stream.open'>;

/** What the connection does, and since when nothing was heard of the server. */
export type ConnectionState = { readonly kind: 'open' } | { readonly kind: 'away'; readonly since: number };

/** Short absences are over within two seconds of the server's return; who is away for long is asked seldom. */
const firstWaitMs = 1000;
const quickTries = 8;
const maxWaitMs = 30_000;
/** The server says something at least every 15 seconds. */
const silentMs = 40_000;

/** How long to wait before a try; `chance` is from 0 to 1, so that pages which lost the server together do not come together. */
export function waitMs(tries: number, chance: number): number {
  const base =
    tries <= quickTries ? firstWaitMs : Math.min(maxWaitMs, firstWaitMs * 2 ** (tries - quickTries));
  return base * (0.75 + chance / 4);
}

export interface ConnectionEvents {
  readonly onMessage: (message: Message) => void;
  readonly onState: (state: ConnectionState) => void;
  /** The server is there again after it was away: whatever was missed has to be asked for. */
  readonly onReturn: () => void;
  /** The session has ended. */
  readonly onSignedOut: () => void;
}

export interface Connection {
  /** Watches these from now on. */
  watch(topics: readonly string[]): void;
  close(): void;
}

/** One stream, opened again whenever it ends. `always` are topics that every caller of this kind may watch. */
export function openConnection(always: readonly string[], events: ConnectionEvents): Connection {
  let topics = [...always];
  let giveUp: AbortController | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isClosed = false;
  let tries = 0;
  let wasOpen = false;
  let lastId: string | null = null;
  let heardAt = Date.now();
  /** A topic that cannot be watched would take all others with it. */
  let hasRefused = false;

  const asked = (): readonly string[] => (hasRefused ? always : topics);

  const read = async (mine: AbortController): Promise<void> => {
    const query = new URLSearchParams({ topics: asked().join(',') });
    if (lastId !== null) query.set('last_event_id', lastId);
    const response = await fetch(`/v1/stream?${query.toString()}`, {
      headers: { accept: 'text/event-stream' },
      credentials: 'same-origin',
      redirect: 'error',
      signal: mine.signal,
    });
    if (!response.ok || response.body === null)
      throw new Problem(response.status, 'refused', 'The stream was refused.');
    if (wasOpen && tries > 0) events.onReturn();
    wasOpen = true;
    tries = 0;
    events.onState({ kind: 'open' });
    const feed = serverEvents(({ event, id, data }) => {
      lastId = id ?? lastId;
      events.onMessage({ event, id, data: JSON.parse(data) as unknown } as Message);
    });
    const decoder = new TextDecoder();
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      heardAt = Date.now();
      feed(decoder.decode(value, { stream: true }));
    }
  };

  const connect = async (): Promise<void> => {
    if (isClosed) return;
    // There is nothing to hear of: pages ask by themselves.
    if (asked().length === 0) return events.onState({ kind: 'open' });
    const mine = new AbortController();
    giveUp = mine;
    heardAt = tries === 0 ? Date.now() : heardAt;
    const watchdog = setInterval(() => {
      if (Date.now() - heardAt > silentMs) mine.abort();
    }, silentMs / 4);
    let again: number | null = null;
    try {
      await read(mine);
    } catch (error) {
      if (error instanceof Problem && error.status === 401) {
        close();
        events.onSignedOut();
        return;
      }
      if (error instanceof Problem && [403, 404, 422].includes(error.status)) {
        // Whoever may watch nothing asks, as without a stream.
        if (hasRefused) return events.onState({ kind: 'open' });
        hasRefused = true;
        lastId = null;
        again = 0;
      }
    } finally {
      clearInterval(watchdog);
    }
    // Another one has taken its place.
    if (isClosed || giveUp !== mine) return;
    if (again === null) {
      tries++;
      events.onState({ kind: 'away', since: heardAt });
    }
    timer = setTimeout(() => void connect(), again ?? waitMs(tries, Math.random()));
  };

  const restart = (): void => {
    clearTimeout(timer);
    giveUp?.abort();
    giveUp = null;
    void connect();
  };

  const close = (): void => {
    isClosed = true;
    clearTimeout(timer);
    giveUp?.abort();
    giveUp = null;
  };

  void connect();
  return {
    watch: (wanted) => {
      const next = [...new Set([...always, ...wanted])].toSorted();
      if (next.join() === topics.toSorted().join()) return;
      topics = next;
      hasRefused = false;
      // What is new to it has to be sent, whatever was sent before.
      lastId = null;
      restart();
    },
    close,
  };
}
