import { type ConnectionState, type Message, openConnection } from './connection.ts';

// All tabs of a browser share one connection: the tab that holds the lock has it, and tells the others.

type Note =
  | { readonly kind: 'want'; readonly tab: string; readonly topics: readonly string[] }
  | { readonly kind: 'gone'; readonly tab: string }
  | { readonly kind: 'message'; readonly message: Message }
  | { readonly kind: 'state'; readonly state: ConnectionState }
  | { readonly kind: 'return' }
  | { readonly kind: 'signed-out' }
  | { readonly kind: 'who' };

/** A tab says what it wants this often; of one that is silent for longer nothing is wanted any more. */
const wantEveryMs = 10_000;
const forgetMs = 90_000;
const maxTopics = 40;

export interface TabEvents {
  readonly onMessage: (message: Message) => void;
  readonly onState: (state: ConnectionState) => void;
  readonly onReturn: () => void;
  readonly onSignedOut: () => void;
}

export interface Tabs {
  want(topics: readonly string[]): void;
  leave(): void;
}

/** The tab that has the connection. */
interface Lead {
  hear(note: Note): void;
  end(): void;
  readonly ended: Promise<void>;
}

/** Opens the connection for what all tabs want. `tell` reaches every tab, `tellOthers` all but this one. */
function createLead(
  always: readonly string[],
  tell: (note: Note) => void,
  tellOthers: (note: Note) => void,
): Lead {
  const wanted = new Map<string, { topics: readonly string[]; at: number }>();
  let state: ConnectionState | null = null;
  const connection = openConnection(always, {
    onMessage: (message) => tell({ kind: 'message', message }),
    onState: (next) => {
      state = next;
      tell({ kind: 'state', state: next });
    },
    onReturn: () => tell({ kind: 'return' }),
    onSignedOut: () => tell({ kind: 'signed-out' }),
  });
  const update = (): void => {
    for (const [id, { at }] of wanted) if (Date.now() - at > forgetMs) wanted.delete(id);
    const all = new Set([...wanted.values()].flatMap((one) => one.topics));
    connection.watch([...all].slice(0, maxTopics));
  };
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  return {
    ended,
    hear: (note) => {
      if (note.kind === 'want') {
        const isNew = !wanted.has(note.tab);
        wanted.set(note.tab, { topics: note.topics, at: Date.now() });
        update();
        if (isNew && state !== null) tellOthers({ kind: 'state', state });
      } else if (note.kind === 'gone') {
        wanted.delete(note.tab);
        update();
      }
    },
    end: () => {
      connection.close();
      resolve();
    },
  };
}

/** Joins the tabs of this session; `session` tells those of another one apart. */
export function joinTabs(session: string, always: readonly string[], events: TabEvents): Tabs {
  const name = `posthorn-stream ${session}`;
  const channel = new BroadcastChannel(name);
  const tab = crypto.randomUUID();
  const leaving = new AbortController();
  let topics: readonly string[] = [];
  let lead: Lead | null = null;

  const deliver = (note: Note): void => {
    if (note.kind === 'message') events.onMessage(note.message);
    else if (note.kind === 'state') events.onState(note.state);
    else if (note.kind === 'return') events.onReturn();
    else if (note.kind === 'signed-out') events.onSignedOut();
    else if (note.kind === 'who') say({ kind: 'want', tab, topics });
  };
  const say = (note: Note): void => {
    channel.postMessage(note);
    lead?.hear(note);
  };
  channel.addEventListener('message', ({ data }: MessageEvent<Note>) => {
    deliver(data);
    lead?.hear(data);
  });

  const takeLead = async (): Promise<void> => {
    const tell = (note: Note): void => {
      channel.postMessage(note);
      deliver(note);
    };
    const leader = createLead(always, tell, (note) => channel.postMessage(note));
    lead = leader;
    leader.hear({ kind: 'want', tab, topics });
    channel.postMessage({ kind: 'who' } satisfies Note);
    await leader.ended;
    lead = null;
  };

  navigator.locks
    .request(name, { signal: leaving.signal }, async () => {
      if (!leaving.signal.aborted) await takeLead();
    })
    // It has left before it got the lock.
    .catch(() => undefined);
  const timer = setInterval(() => say({ kind: 'want', tab, topics }), wantEveryMs);
  const onPageHide = (): void => channel.postMessage({ kind: 'gone', tab } satisfies Note);
  addEventListener('pagehide', onPageHide);

  return {
    want: (next) => {
      topics = next;
      say({ kind: 'want', tab, topics });
    },
    leave: () => {
      clearInterval(timer);
      removeEventListener('pagehide', onPageHide);
      channel.postMessage({ kind: 'gone', tab } satisfies Note);
      leaving.abort();
      lead?.end();
      channel.close();
    },
  };
}
