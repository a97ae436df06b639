import { type Answer, Problem } from '../api.ts';
import { presentUntil } from './presence.ts';
import { serverEvents } from './server-events.ts';

export type Message = Answer<'stream.open'>;

/** What the connection does, and since when the server is away. */
export type ConnectionState = { readonly kind: 'open' } | { readonly kind: 'away'; readonly since: number };

/** Short absences are over within two seconds of the server's return; who is away for long is asked seldom. */
const firstWaitMs = 1000;
const quickTries = 8;
const maxWaitMs = 30_000;
/** Much longer than a server is silent that is there. */
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

/** Opens the stream of these topics, after the last message that was received. */
async function openStream(
  topics: readonly string[],
  lastId: string | null,
  signal: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  const query = new URLSearchParams({ topics: topics.join(',') });
  if (lastId !== null) query.set('last_event_id', lastId);
  const response = await fetch(`/v1/stream?${query.toString()}`, {
    headers: { accept: 'text/event-stream' },
    credentials: 'same-origin',
    redirect: 'error',
    signal,
  });
  if (!response.ok || response.body === null)
    throw new Problem(response.status, 'refused', 'The stream was refused.');
  return response.body;
}

/** Reads until the end. */
async function readText(body: ReadableStream<Uint8Array>, onText: (text: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    onText(decoder.decode(value, { stream: true }));
  }
}

/** What to do after a stream ended with this error. */
function reactionTo(error: unknown): 'signed-out' | 'refused' | 'away' {
  if (!(error instanceof Problem)) return 'away';
  if (error.status === 401) return 'signed-out';
  return [403, 404, 422].includes(error.status) ? 'refused' : 'away';
}

/** How far the stream has got; changed in place. */
interface Progress {
  tries: number;
  wasOpen: boolean;
  lastId: string | null;
  heardAt: number;
}

/** Opens the stream once and reads it to its end; gives up when the server is silent. */
async function readOnce(
  topics: readonly string[],
  progress: Progress,
  events: ConnectionEvents,
  mine: AbortController,
): Promise<ReturnType<typeof reactionTo>> {
  const watchdog = setInterval(() => {
    if (Date.now() - progress.heardAt > silentMs) mine.abort();
  }, silentMs / 4);
  try {
    const body = await openStream(topics, progress.lastId, mine.signal);
    if (progress.wasOpen && progress.tries > 0) events.onReturn();
    progress.wasOpen = true;
    progress.tries = 0;
    events.onState({ kind: 'open' });
    const feed = serverEvents(({ event, id, data }) => {
      progress.lastId = id ?? progress.lastId;
      events.onMessage({ event, id, data: JSON.parse(data) as unknown } as Message);
    });
    try {
      await readText(body, (text) => {
        progress.heardAt = Date.now();
        feed(text);
      });
    } finally {
      progress.heardAt = presentUntil(progress.heardAt, Date.now());
    }
    return 'away';
  } catch (error) {
    return reactionTo(error);
  } finally {
    clearInterval(watchdog);
  }
}

/** One stream, opened again whenever it ends. `always` are topics that every caller of this kind may watch. */
export function openConnection(always: readonly string[], events: ConnectionEvents): Connection {
  const progress: Progress = { tries: 0, wasOpen: false, lastId: null, heardAt: Date.now() };
  let topics = [...always];
  let giveUp: AbortController | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isClosed = false;
  /** A topic that cannot be watched would take all others with it. */
  let hasRefused = false;

  const connect = async (): Promise<void> => {
    if (isClosed) return;
    const asked = hasRefused ? always : topics;
    // There is nothing to hear of: pages ask by themselves.
    if (asked.length === 0) return events.onState({ kind: 'open' });
    const mine = new AbortController();
    giveUp = mine;
    if (progress.tries === 0) progress.heardAt = Date.now();
    const end = await readOnce(asked, progress, events, mine);
    if (end === 'signed-out') {
      close();
      return events.onSignedOut();
    }
    // Pages that may watch nothing poll, as without a stream.
    if (end === 'refused' && hasRefused) return events.onState({ kind: 'open' });
    if (end === 'refused') {
      hasRefused = true;
      progress.lastId = null;
    }
    // Another one has taken its place.
    if (isClosed || giveUp !== mine) return;
    if (end === 'away') {
      progress.tries++;
      events.onState({ kind: 'away', since: progress.heardAt });
    }
    timer = setTimeout(() => void connect(), end === 'refused' ? 0 : waitMs(progress.tries, Math.random()));
  };

  const stop = (): void => {
    clearTimeout(timer);
    giveUp?.abort();
    giveUp = null;
  };

  const close = (): void => {
    isClosed = true;
    stop();
  };

  void connect();
  return {
    watch: (wanted) => {
      const next = [...new Set([...always, ...wanted])].toSorted();
      if (next.join() === topics.toSorted().join()) return;
      topics = next;
      hasRefused = false;
      // What is new to it has to be sent, whatever was sent before.
      progress.lastId = null;
      stop();
      void connect();
    },
    close,
  };
}
