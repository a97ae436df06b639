import { useEffect } from 'react';
import { type Answer, endSession, type OperationId } from './api.ts';
import { now } from './clock.ts';
import { liveState, setLiveState } from './live.ts';
import { queryClient } from './query.ts';
import type { Me } from './session.tsx';
import type { ConnectionState, Message } from './stream/connection.ts';
import { joinTabs, type Tabs } from './stream/tabs.ts';

/** Without the server for longer, what is seen is called stale. */
const staleMs = 5000;

/** The call whose answer a message is, with its id in the path. */
const callsOf = {
  endpoint: 'endpoints.get',
  delivery: 'deliveries.get',
  redrive: 'redrives.get',
} as const satisfies Readonly<Record<string, OperationId>>;

const wanted = new Map<symbol, readonly string[]>();
let tabs: Tabs | null = null;
let server: ConnectionState = { kind: 'open' };
let isPaused = false;
let staleTimer: ReturnType<typeof setTimeout> | undefined;

const topicsNow = (): readonly string[] => [...new Set([...wanted.values()].flat())];

function show(): void {
  clearTimeout(staleTimer);
  if (isPaused) return setLiveState({ kind: 'paused' });
  if (server.kind === 'open') return setLiveState({ kind: 'live' });
  // By the clock that all times on the page go by.
  const since = server.since + now() - Date.now();
  const left = since + staleMs - now();
  setLiveState({ kind: left > 0 ? 'reconnecting' : 'stale', since });
  if (left > 0) staleTimer = setTimeout(show, left);
}

/** Puts what the server says in the place of what was read before; what was asked for otherwise is asked for again. */
function keep(message: Message): void {
  if (message.event === 'alert') return void queryClient.invalidateQueries({ queryKey: ['alerts.list'] });
  if (message.event === 'now') return keepNow(message.data);
  // The overview has it too.
  if (message.event === 'hello' || message.event === 'reconciled') return;
  const operation = callsOf[message.event];
  const { id } = message.data;
  if (message.event === 'endpoint') refreshDiagnosis(message.data);
  for (const { queryKey } of queryClient.getQueryCache().getAll()) {
    const [name, params, query] = queryKey as [string, { id?: string } | null, object | null];
    if (name !== operation || params?.id === undefined) continue;
    // An endpoint may have been asked for by its name.
    if (params.id !== id && !(message.event === 'endpoint' && params.id === message.data.name)) continue;
    if (query === null) queryClient.setQueryData(queryKey, message.data);
    else void queryClient.invalidateQueries({ queryKey, exact: true });
  }
}

/** What an endpoint's receiver has answered changes its diagnosis, which may have been asked for by name. */
function refreshDiagnosis({ id, name }: Answer<'endpoints.get'>): void {
  void queryClient.invalidateQueries({
    predicate: ({ queryKey: [operation, params] }) =>
      operation === 'endpoints.health' && [id, name].includes((params as { id: string } | null)?.id ?? ''),
  });
}

/** The overview that is sent is of 24 hours; another one is asked for again. */
function keepNow(data: Answer<'now.get'>): void {
  for (const { queryKey } of queryClient.getQueryCache().findAll({ queryKey: ['now.get'] })) {
    const asked = Object.entries((queryKey[2] as Record<string, unknown> | null) ?? {});
    const isUsual = asked.every(
      ([name, value]) => value === undefined || (name === 'last' && value === '24h'),
    );
    if (isUsual) queryClient.setQueryData(queryKey, data);
    else void queryClient.invalidateQueries({ queryKey, exact: true });
  }
}

function onMessage(message: Message): void {
  if (isPaused) return;
  keep(message);
}

/** Whatever may have changed while nothing was heard is asked for once more. */
const askAgain = (): void => void queryClient.invalidateQueries();

/** Begins to hear of changes, for as long as this session lasts; returns what ends that. */
function startStream(me: Me): () => void {
  const always = me.kind === 'portal' ? ['now'] : ['now', 'alerts'];
  const session = `${me.kind} ${me.name} ${me.expires_at ?? ''}`;
  tabs = joinTabs(session, always, {
    onMessage,
    onState: (state) => {
      server = state;
      show();
    },
    onReturn: () => {
      if (!isPaused) askAgain();
    },
    onSignedOut: endSession,
  });
  tabs.want(topicsNow());
  return () => {
    tabs?.leave();
    tabs = null;
    clearTimeout(staleTimer);
  };
}

/** Hears of changes while the shell is there. */
export function useStream(me: Me): void {
  useEffect(() => startStream(me), [me]);
}

/** Watches `endpoint:ep_…`, `delivery:dlv_…` or `redrive:rdr_…` while the component is there; what was read of it changes by itself. */
export function useTopics(...topics: readonly string[]): void {
  const key = topics.join();
  useEffect(() => {
    const mine = Symbol('topics');
    wanted.set(mine, key === '' ? [] : key.split(','));
    tabs?.want(topicsNow());
    return () => {
      wanted.delete(mine);
      tabs?.want(topicsNow());
    };
  }, [key]);
}

/** Stops the numbers for who wants to read in peace, or lets them go on from what is true now. */
export function togglePaused(): void {
  isPaused = liveState().kind !== 'paused';
  show();
  if (!isPaused) askAgain();
}
