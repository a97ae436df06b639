import { useSyncExternalStore } from 'react';

// One timer ticks for all that is shown relative to now, by the server's clock: a laptop's may be minutes off.

let offsetMs = 0;
let shown = Date.now();
let timer: ReturnType<typeof setInterval> | null = null;
const listeners = new Set<() => void>();

/** Milliseconds since the epoch, by the server's clock. */
export const now = (): number => Date.now() + offsetMs;

/** Sets the clock by what the server said just now. */
export function setServerTime(iso: string): void {
  const ms = Date.parse(iso);
  // Less than that is the way of the answer.
  if (Number.isFinite(ms)) offsetMs = Math.abs(ms - Date.now()) < 2000 ? 0 : ms - Date.now();
}

function tick(): void {
  shown = now();
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  if (timer === null) {
    tick();
    timer = setInterval(tick, 1000);
  }
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0 && timer !== null) {
      clearInterval(timer);
      timer = null;
    }
  };
}

const snapshot = (): number => shown;

/** Now, as of the last second's tick. */
export const useNow = (): number => useSyncExternalStore(subscribe, snapshot);

/** What `read` makes of now; drawn again only when that changes, not at each tick. */
export const useOfNow = <T extends string | number | boolean>(read: (nowMs: number) => T): T =>
  useSyncExternalStore(subscribe, () => read(shown));
