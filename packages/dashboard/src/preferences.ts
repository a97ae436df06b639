import { useSyncExternalStore } from 'react';

/** All that a browser keeps of ours between visits: nothing of value. */
export interface Preferences {
  readonly theme: 'system' | 'light' | 'dark';
  readonly zone: 'utc' | 'local';
  /** Single letters act (WCAG 2.1.4: they can be turned off). */
  readonly hasLetterKeys: boolean;
}

const defaults: Preferences = { theme: 'system', zone: 'utc', hasLetterKeys: true };
const storageKey = 'posthorn';

function stored(): Preferences {
  try {
    const value = JSON.parse(localStorage.getItem(storageKey) ?? '{}') as Partial<Preferences>;
    return {
      theme: value.theme === 'light' || value.theme === 'dark' ? value.theme : 'system',
      zone: value.zone === 'local' ? 'local' : 'utc',
      hasLetterKeys: value.hasLetterKeys !== false,
    };
  } catch {
    // Storage is forbidden, or it contains another program's text.
    return defaults;
  }
}

let current = stored();
const listeners = new Set<() => void>();

function apply(): void {
  if (current.theme === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = current.theme;
}

/** The preferences now; for code that no component runs. */
export const preferences = (): Preferences => current;

/** Changes some of the preferences, on this page at once and on the next visit. */
export function setPreferences(change: Partial<Preferences>): void {
  current = { ...current, ...change };
  try {
    localStorage.setItem(storageKey, JSON.stringify(current));
  } catch {
    // They last as long as the page.
  }
  apply();
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The preferences, and a new rendering with each change of them. */
export const usePreferences = (): Preferences => useSyncExternalStore(subscribe, preferences);

apply();
