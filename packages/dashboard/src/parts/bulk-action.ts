import type { Answer } from '../api.ts';
import { countText, plural } from './number.ts';
import { durationText } from './time.ts';

// What a redrive or a replay of many is about, as text and as the command that does the same.

/** Fields of the filter as the API has them. */
export interface BulkFilter {
  readonly tenant?: readonly string[] | undefined;
  readonly endpoint_id?: readonly string[] | undefined;
  readonly event_id?: readonly string[] | undefined;
  readonly event_type?: readonly string[] | undefined;
  readonly state?: readonly string[] | undefined;
  readonly error_class?: readonly string[] | undefined;
  readonly status_code?: readonly number[] | undefined;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
}

export interface BulkAction {
  readonly kind: 'redrive' | 'replay';
  readonly filter: BulkFilter;
  /** In a replay: the endpoint that gets each event once. */
  readonly endpointId?: string;
}

export type Job = Answer<'redrives.get'> | Answer<'replays.get'>;

export const doneOf = (job: Job): number => ('redriven' in job ? job.redriven : job.replayed);
export const kindOf = (job: Job): BulkAction['kind'] => ('redriven' in job ? 'redrive' : 'replay');

/** A shell takes it as one word, whatever is in it. */
const quoted = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;

/** A filter as options of the command line. */
function optionsOf(filter: BulkFilter): readonly string[] {
  const args: string[] = [];
  for (const [field, value] of Object.entries(filter) as [string, BulkFilter[keyof BulkFilter]][]) {
    if (value === undefined) continue;
    const option = `--${field.replaceAll('_', '-')}`;
    // An event's id may hold a comma itself.
    if (field === 'event_id') for (const id of value as readonly string[]) args.push(option, quoted(id));
    else args.push(option, quoted(typeof value === 'string' ? value : value.join(',')));
  }
  return args;
}

/** The command that cancels what matches, or these deliveries. */
export function cancelCommand(what: BulkFilter | readonly string[], reason: string): string {
  const args = isList(what) ? what.map(quoted) : optionsOf(what);
  return ['posthorn', 'cancel', ...args, '--reason', quoted(reason)].join(' ');
}

const isList = (what: BulkFilter | readonly string[]): what is readonly string[] => Array.isArray(what);

/** The command that does the same. */
export function commandFor(
  { kind, filter, endpointId }: BulkAction,
  { ratePerS, name }: { readonly ratePerS: number | null; readonly name: string },
): string {
  const words = ['posthorn', kind, ...optionsOf(filter)];
  if (endpointId !== undefined) words.push('--to', quoted(endpointId));
  if (ratePerS !== null) words.push('--rate', String(ratePerS));
  if (name !== '') words.push('--name', quoted(name));
  return words.join(' ');
}

/** How long so many take at a rate; null: as fast as the store allows. */
export const lengthText = (count: number, ratePerS: number | null): string =>
  ratePerS === null
    ? 'as fast as the store allows'
    : `about ${durationText(Math.max(1000, Math.ceil(count / ratePerS) * 1000))}`;

/** The typed rate: null for none, 'wrong' if it is not one. */
export function rateFrom(text: string): number | null | 'wrong' {
  if (text.trim() === '') return null;
  const rate = Number(text);
  return Number.isFinite(rate) && rate >= 0.001 && rate <= 100_000 ? rate : 'wrong';
}

/** How a job stands, in one sentence, and how urgent that is. */
export function jobSentence(job: Job): { readonly level: 'act' | 'watch' | 'well'; readonly text: string } {
  const { state, stop_reason: reason, matched, skipped, outcome } = job;
  const done = doneOf(job);
  const isRedrive = kindOf(job) === 'redrive';
  const left = Math.max(0, matched - done - skipped);
  if (job.dry_run)
    return { level: 'well', text: `A dry run: ${plural(matched, 'delivery', 'deliveries')} matched.` };
  if (state === 'running')
    return {
      level: 'watch',
      text: `${isRedrive ? 'Redriving' : 'Replaying'}: ${countText(done)} of ${countText(matched)} ${isRedrive ? 'are pending again' : 'are made'}.`,
    };
  if (reason === 'failing')
    return {
      level: 'act',
      text: `It stopped itself: the first ${countText(done)} all failed again. ${countText(left)} stay as they are.`,
    };
  if (state === 'stopped')
    return {
      level: 'watch',
      text: `Stopped at ${countText(done)} of ${countText(matched)}. ${countText(left)} stay as they are.`,
    };
  if (matched === 0) return { level: 'well', text: 'Done: nothing matched.' };
  if (outcome.dead > 0)
    return {
      level: 'act',
      text: `Done: ${countText(outcome.dead)} of ${countText(done)} ${outcome.dead === 1 ? 'is a dead letter' : 'are dead letters'} again.`,
    };
  if (outcome.pending > 0)
    return {
      level: 'watch',
      text: `Done: ${countText(outcome.delivered)} of ${countText(done)} are delivered, ${countText(outcome.pending)} on their way.`,
    };
  if (skipped > 0)
    return {
      level: 'watch',
      text: `Done: ${countText(outcome.delivered)} delivered, ${countText(skipped)} skipped.`,
    };
  return {
    level: 'well',
    text: `Done: ${outcome.delivered === done ? `all ${countText(done)}` : countText(outcome.delivered)} delivered.`,
  };
}

/** What is asked for, as text: `dead letters at 1 endpoint, http_5xx, 503`. */
export function filterWords({ state, endpoint_id: endpoints, ...filter }: BulkFilter): string {
  const states = state ?? [];
  const what =
    states.length === 1 && states[0] === 'dead'
      ? 'dead letters'
      : states.length === 0
        ? 'deliveries in any state'
        : `${states.join(' or ')} deliveries`;
  const parts = [what];
  if (endpoints !== undefined) parts.push(`at ${plural(endpoints.length, 'endpoint')}`);
  if (filter.tenant !== undefined) parts.push(`of ${filter.tenant.join(', ')}`);
  if (filter.event_type !== undefined) parts.push(filter.event_type.join(', '));
  if (filter.event_id !== undefined) parts.push(`of ${plural(filter.event_id.length, 'event')}`);
  if (filter.error_class !== undefined) parts.push(filter.error_class.join(', '));
  if (filter.status_code !== undefined) parts.push(`status ${filter.status_code.join(', ')}`);
  return parts.join(', ').replace(', at', ' at').replace(', of', ' of');
}
