import type { Answer } from '../../api.ts';
import type { Tone } from '../../parts/state.tsx';

export type Now = Answer<'now.get'>;
export type Need = Now['needs'][number];
export type Ledger = Now['ledger'];

/** The terms of the equation, in their order. */
export const terms = ['delivered', 'pending', 'dead', 'cancelled', 'suppressed'] as const;
export type Term = (typeof terms)[number];

export const termTones: Readonly<Record<Term, Tone>> = {
  delivered: 'good',
  pending: 'wait',
  dead: 'bad',
  cancelled: 'off',
  suppressed: 'held',
};

/** Something is lost, or the ledger and the rows contradict each other: then nothing else matters. */
export function isLost({ ledger, reconciled }: Pick<Now, 'ledger' | 'reconciled'>): boolean {
  return ledger.unaccounted !== 0 || reconciled?.balanced === false;
}

export interface LensPart {
  readonly term: Term | 'unaccounted';
  readonly count: number;
  readonly width: number;
}

const minPx = 2;

/** Widths in pixels: linear, and at least two where there is anything at all. */
export function lensParts(counts: readonly Omit<LensPart, 'width'>[], width: number): readonly LensPart[] {
  const shown = counts.filter(({ count }) => count > 0);
  const total = shown.reduce((sum, { count }) => sum + count, 0);
  const least = shown.map(({ count }) => Math.max(minPx, (count / Math.max(1, total)) * width));
  const over = least.reduce((sum, px) => sum + px, 0) - width;
  // The widest pays for what was widened.
  const widest = least.indexOf(Math.max(...least));
  return shown.map((part, index) => ({
    ...part,
    width: Math.max(minPx, least[index]! - (index === widest ? over : 0)),
  }));
}

export interface DayPoint {
  readonly open: boolean;
  readonly due?: number | undefined;
  readonly late?: number | undefined;
  readonly dropped?: number | undefined;
  readonly pending?: number | undefined;
  readonly in_time_interval?: readonly number[] | undefined;
}

/** What came late, or has not come though its deadline has passed; and what was dropped: shares of what was due. */
export function lateAndDropped(points: readonly DayPoint[]): {
  readonly late: readonly number[];
  readonly dropped: readonly number[];
  /** For both together. */
  readonly intervals: readonly (readonly [number, number] | null)[];
} {
  const share = (part: number, due: number | undefined): number =>
    due === undefined || due <= 0 ? 0 : Math.min(1, part / due);
  return {
    late: points.map(({ open, late = 0, pending = 0, due }) => share(late + (open ? 0 : pending), due)),
    dropped: points.map(({ dropped = 0, due }) => share(dropped, due)),
    intervals: points.map(({ due = 0, in_time_interval: interval }) =>
      due === 0 || interval === undefined ? null : [1 - (interval[1] ?? 1), 1 - (interval[0] ?? 0)],
    ),
  };
}

/** Where a link of a number leads: the same deliveries as were counted. */
export function deliveriesPath(now: Pick<Now, 'window'>, state?: string): string {
  const { since, until } = now.window;
  return `/deliveries?${state === undefined ? '' : `state=${state}&`}since=${since}&until=${until}`;
}

export function needLook({ kind, severity }: Pick<Need, 'kind' | 'severity'>): {
  readonly glyph: string;
  readonly tone: string;
  readonly word: string;
} {
  if (kind === 'unaccounted') return { glyph: '■', tone: 'bad', word: 'act' };
  if (severity === 'act') return { glyph: '✕', tone: 'bad', word: 'act' };
  if (kind === 'paused') return { glyph: '‖', tone: 'held', word: 'paused' };
  if (severity === 'watch') return { glyph: '▲', tone: 'wait', word: 'watch' };
  return { glyph: '□', tone: 'soft', word: 'note' };
}

/** A text in three pieces: what it is about is in the middle. */
export function around(text: string, subject: string | null): readonly [string, string, string] {
  const at = subject === null || subject === '' ? -1 : text.indexOf(subject);
  if (at < 0) return [text, '', ''];
  return [text.slice(0, at), subject!, text.slice(at + subject!.length)];
}
