import { useEffect } from 'react';
import { preferences } from './preferences.ts';

/** What a key does on this page; the text is in the list that `?` opens. */
export interface KeyAction {
  /** `j`, `Enter`, `g d`, `mod+k`. */
  readonly keys: string;
  readonly text: string;
  readonly run: (event: KeyboardEvent) => void;
}

const active = new Set<readonly KeyAction[]>();
let prefix: string | null = null;

/** Everything that keys do now, for the list. */
export const activeKeys = (): readonly KeyAction[] => [...active].flat();

const isField = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  (target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName));

/** Prefixes wait so long for their second letter. */
const prefixMs = 1500;
let prefixTimer: ReturnType<typeof setTimeout> | undefined;

function handle(event: KeyboardEvent): void {
  if (event.isComposing || event.altKey || event.defaultPrevented) return;
  const isMod = event.metaKey || event.ctrlKey;
  const name = isMod ? `mod+${event.key.toLowerCase()}` : event.key;
  // Letters belong to fields and dialogs, and to who has turned them off.
  if (!isMod) {
    if (isField(event.target) || document.querySelector('dialog[open]') !== null) return;
    if (name.length === 1 && !preferences().hasLetterKeys) return;
  }
  const whole = prefix === null ? name : `${prefix} ${name}`;
  prefix = null;
  clearTimeout(prefixTimer);
  // The newest page's keys come first.
  const actions = [...active].toReversed().flat();
  const found = actions.find(({ keys }) => keys === whole);
  if (found !== undefined) {
    // A button in focus keeps its own keys.
    if (
      (name === 'Enter' || name === ' ') &&
      event.target instanceof Element &&
      event.target.closest('a, button, summary, [role=button]') !== null
    )
      return;
    event.preventDefault();
    found.run(event);
  } else if (actions.some(({ keys }) => keys.startsWith(`${whole} `))) {
    prefix = whole;
    prefixTimer = setTimeout(() => (prefix = null), prefixMs);
  }
}

/** Listens to keys for the whole application. */
export function listenToKeys(): () => void {
  addEventListener('keydown', handle);
  return () => removeEventListener('keydown', handle);
}

/** Binds keys as long as the component is there. */
export function useKeys(actions: readonly KeyAction[]): void {
  useEffect(() => {
    active.add(actions);
    return () => void active.delete(actions);
  });
}
