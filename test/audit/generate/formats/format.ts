import type { Format } from '../../../../packages/audit/src/result.ts';
import { rowsInOrder } from '../generate.ts';
import {
  type GeneratedEvent,
  type GeneratedLog,
  type InjectedCause,
  injectable,
  type Row,
} from '../model.ts';

/**
 * What the log has of what happened. `complete`: every line, as the sender wrote it. `wrapped`: the same inside something. `incomplete`:
 * lines, ids or endpoints are missing. `states`: one row for each delivery, with its last state.
 */
export type LogKind = 'complete' | 'wrapped' | 'incomplete' | 'states';

/** A log in the format of one kind of sender. */
export interface LogFormat {
  readonly name: string;
  readonly kind: LogKind;
  /** The format that the audit must detect. */
  readonly is: Format;
  readonly schedule: readonly number[];
  readonly givesUp: boolean;
  /** Causes that a log of this kind can show. */
  readonly shows: readonly InjectedCause[];
  readonly hasMoney: boolean;
  /** `--map`, for names that cannot be guessed. */
  readonly mapping?: Readonly<Record<string, string>>;
  readonly files: (log: GeneratedLog) => { readonly name: string; readonly content: string | Buffer }[];
}

export const iso = (at: number): string => new Date(at).toISOString();
export const isoOrNull = (at: number | null): string | null => (at === null ? null : iso(at));
export const lines = (rows: readonly unknown[]): string =>
  rows.map((row) => `${JSON.stringify(row)}\n`).join('');
export const csv = (header: string, rows: readonly string[]): string => `${header}\n${rows.join('\n')}\n`;
export const without = (...causes: InjectedCause[]): InjectedCause[] =>
  injectable.filter((cause) => !causes.includes(cause));
export const took = ({ startedAt, endedAt }: Row): number => (endedAt ?? startedAt) - startedAt;

/** One row for each attempt, with its real end: what a log has that writes when a request is over. */
export function ended(log: GeneratedLog): { event: GeneratedEvent; row: Row }[] {
  const last = new Map<string, { event: GeneratedEvent; row: Row }>();
  for (const one of rowsInOrder(log.events))
    if (one.row.endedAt !== null) last.set(`${one.event.id} ${one.row.startedAt} ${one.row.worker}`, one);
  return [...last.values()].toSorted((a, b) => a.row.endedAt! - b.row.endedAt!);
}

export const reasons: Readonly<Record<number, string>> = {
  200: 'OK',
  413: 'Payload Too Large',
  422: 'Unprocessable Entity',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
};

export const hostOf = (event: GeneratedEvent): string => new URL(event.endpoint).host;
export const addressOf = (event: GeneratedEvent): string => `10.0.${hostOf(event).length}.7:443`;

/** The response of a proxy if the upstream did not respond. */
export const proxyStatus = (row: Row): number => row.status ?? (row.error === 'timeout' ? 504 : 503);
