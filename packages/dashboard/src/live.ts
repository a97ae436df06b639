import { useSyncExternalStore } from 'react';

/** How fresh what is seen is. */
export type LiveState =
  | { readonly kind: 'live' }
  | { readonly kind: 'paused' }
  | { readonly kind: 'reconnecting'; readonly since: number }
  | { readonly kind: 'stale'; readonly since: number };

let state: LiveState = { kind: 'live' };
const listeners = new Set<() => void>();

/** Says how fresh what is seen is, everywhere on the page. */
export function setLiveState(next: LiveState): void {
  state = next;
  for (const listener of listeners) listener();
}

/** How fresh it is now; for code that no component runs. */
export const liveState = (): LiveState => state;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const useLiveState = (): LiveState => useSyncExternalStore(subscribe, liveState);
