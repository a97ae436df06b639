import type { ReactNode } from 'react';

export type Tone = 'good' | 'wait' | 'bad' | 'held' | 'off' | 'plain';

/** States of a delivery, as the API names them, and of what is shown like one. */
export const states = {
  delivered: { glyph: '●', tone: 'good', word: 'delivered' },
  late: { glyph: '●', tone: 'wait', word: 'delivered late' },
  pending: { glyph: '◐', tone: 'wait', word: 'pending' },
  dead: { glyph: '✕', tone: 'bad', word: 'dead letter' },
  cancelled: { glyph: '⊘', tone: 'off', word: 'cancelled' },
  suppressed: { glyph: '‖', tone: 'held', word: 'suppressed' },
  superseded: { glyph: '◇', tone: 'held', word: 'superseded' },
  unaccounted: { glyph: '■', tone: 'bad', word: 'unaccounted' },
  retry: { glyph: '✕', tone: 'bad', word: 'retry' },
  healthy: { glyph: '●', tone: 'good', word: 'healthy' },
  failing: { glyph: '▲', tone: 'bad', word: 'failing' },
  slowed: { glyph: '◐', tone: 'wait', word: 'slowed' },
  paused: { glyph: '‖', tone: 'held', word: 'paused' },
  idle: { glyph: '○', tone: 'off', word: 'idle' },
} as const satisfies Readonly<Record<string, { glyph: string; tone: Tone; word: string }>>;
export type StateName = keyof typeof states;

/** A state: always a glyph, a word and a color, never a color alone. */
export function State({ name, word }: { name: StateName; word?: ReactNode }): ReactNode {
  const { glyph, tone, word: usual } = states[name];
  return (
    <span className={`state ${tone} nowrap`}>
      <span aria-hidden="true">{glyph}</span> {word ?? usual}
    </span>
  );
}

/** The same as a chip. */
export function Chip({
  tone,
  glyph,
  children,
}: {
  tone: Tone;
  glyph?: string;
  children: ReactNode;
}): ReactNode {
  return (
    <span className={`chip chip-${tone}`}>
      {glyph === undefined ? null : <span aria-hidden="true">{glyph}</span>}
      {children}
    </span>
  );
}

/** How a sentence or a row stands: worst first. */
export const levels = {
  act: { glyph: '✕', tone: 'bad', word: 'Action needed' },
  watch: { glyph: '▲', tone: 'wait', word: 'Something waits' },
  well: { glyph: '●', tone: 'good', word: 'All is well' },
} as const satisfies Readonly<Record<string, { glyph: string; tone: Tone; word: string }>>;
export type Level = keyof typeof levels;
