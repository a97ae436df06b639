import { type ReactNode, useSyncExternalStore } from 'react';
import { Button } from './button.tsx';
import type { Tone } from './state.tsx';

interface Toast {
  readonly id: number;
  readonly text: ReactNode;
  readonly tone: Tone;
}

const maxShown = 3;
const shownMs = 8000;
let toasts: readonly Toast[] = [];
let lastId = 0;
const listeners = new Set<() => void>();

function change(next: readonly Toast[]): void {
  toasts = next;
  for (const listener of listeners) listener();
}

const dismiss = (id: number): void => change(toasts.filter((toast) => toast.id !== id));

/** Says what an action did, for a few seconds, where a link to it belongs too. */
export function toast(text: ReactNode, tone: Tone = 'good'): void {
  const id = ++lastId;
  change([...toasts, { id, text, tone }].slice(-maxShown));
  setTimeout(() => dismiss(id), shownMs);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Where they appear: a polite live region. */
export function Toasts(): ReactNode {
  const shown = useSyncExternalStore(subscribe, () => toasts);
  return (
    <div className="toasts no-print" role="status" aria-live="polite">
      {shown.map(({ id, text, tone }) => (
        <div key={id} className={`toast chip-${tone}`}>
          <div>{text}</div>
          <Button kind="plain" aria-label="Dismiss" onClick={() => dismiss(id)}>
            ✕
          </Button>
        </div>
      ))}
    </div>
  );
}
