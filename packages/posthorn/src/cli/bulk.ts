import { Command, InvalidArgumentError } from 'commander';
import { ApiError, type BulkReplay, type Redrive } from '@posthorn/client';
import { systemClock } from '../runtime/clock.ts';
import { amountsText } from './amounts.ts';
import { filterFrom, filterOptions } from './commands/deliveries.ts';
import { CommandError, interrupted, note, print, progress, table } from './output.ts';
import { numberBetween, remoteOptions } from './remote.ts';

// What the commands about bulk redrives and replays share.

export type Job = Redrive | BulkReplay;

const isReplay = (job: Job): job is BulkReplay => 'replayed' in job;
const doneCount = (job: Job): number => (isReplay(job) ? job.replayed : job.redriven);
const pastVerb = (job: Job): string => (isReplay(job) ? 'replayed' : 'redriven');

/** How many it skipped and why, or an empty text. */
function skippedNote({ skipped }: Job): string {
  return skipped === 0
    ? ''
    : `; ${skipped.toLocaleString('en-US')} skipped because their endpoint or the data of their event are deleted; they do not change`;
}

/** Why it stopped, or an empty text. */
function stopNote({ stopReason }: Job): string {
  return stopReason === 'failing' ? ' by itself: the first 20 deliveries all failed' : '';
}

export function jobLine(job: Job): string {
  if (job.dryRun) return `${job.id} was a dry run: ${job.matched} matched${skippedNote(job)}`;
  const rate = job.ratePerS === null ? '' : ` at ${job.ratePerS} per second`;
  const name = job.name === null ? '' : ` (${job.name})`;
  const { delivered, pending, dead, other } = job.outcome;
  const outcome = `delivered ${delivered}, pending ${pending}, dead ${dead}${other === 0 ? '' : `, other ${other}`}`;
  return `${job.id}${name} is ${job.state}${stopNote(job)}: ${doneCount(job)} of ${job.matched} ${pastVerb(job)}${rate}; ${outcome}${skippedNote(job)}`;
}

/** The result of a dry run. */
function described(job: Job): string {
  return [
    `${job.matched} deliveries match; nothing was changed${skippedNote(job)}`,
    ...(job.value.length === 0 ? [] : [`Worth ${amountsText(job.value)}`]),
    ...(job.oldestAt === null ? [] : [`Created from ${job.oldestAt} to ${job.newestAt}`]),
    ...(job.ratePerS === null || job.matched === 0
      ? []
      : [`At ${job.ratePerS} per second: about ${Math.ceil(job.matched / job.ratePerS)} s`]),
    ...(job.keysHeld === 0
      ? []
      : [`Later deliveries of ${job.keysHeld} ordering keys wait until these are delivered`]),
    ...(job.byEndpoint.length < 2
      ? []
      : [
          table(
            ['endpoint', 'matched', 'worth'],
            job.byEndpoint.map((one) => [one.endpointId, one.matched, amountsText(one.value)]),
          ),
        ]),
  ].join('\n');
}

export const jobColumns = [
  'id',
  'name',
  'state',
  'matched',
  'done',
  'skipped',
  'delivered',
  'dead again',
  'per second',
  'by',
  'created',
];

export function jobRow(job: Job): (string | number)[] {
  return [
    job.id,
    job.name ?? '',
    job.dryRun ? 'dry run' : job.stopReason === 'failing' ? 'stopped: failing' : job.state,
    job.matched,
    doneCount(job),
    job.skipped,
    job.outcome.delivered,
    job.outcome.dead,
    String(job.ratePerS ?? ''),
    job.by?.name ?? '',
    job.createdAt,
  ];
}

const pollMs = 200;
/** A server that is away longer than this ends the watching, but not the job. */
const awayMs = 60_000;

/**
 * Follows a job until it ends. The job runs on the server: an error here, or an aborted signal, ends the watching, not
 * the job.
 */
export async function watched<J extends Job>(
  begun: J,
  read: (id: string) => Promise<J>,
  signal?: AbortSignal,
): Promise<J> {
  let job = begun;
  const bar = progress(job.matched);
  let answeredAt = systemClock.monotonic();
  try {
    while (job.state === 'running') {
      await new Promise((resolve) => setTimeout(resolve, pollMs));
      if (signal?.aborted === true)
        throw new CommandError(
          `${job.id} continues on the server; posthorn ${isReplay(job) ? 'replays' : 'redrives'} stop ${job.id} stops it`,
          interrupted,
        );
      try {
        job = await read(job.id);
        answeredAt = systemClock.monotonic();
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        const isPassing = error.status === 0 || error.status === 429 || error.status >= 500;
        if (!isPassing || systemClock.monotonic() - answeredAt > awayMs)
          throw new CommandError(`${error.message}; ${job.id} continues on the server`);
      }
      bar.at(doneCount(job), pastVerb(job));
    }
  } finally {
    bar.end();
  }
  return job;
}

/** Reports the result of a job that was watched to its end; an incomplete job is not a success (G5). */
export function reportJob(job: Job, kind: 'redrive' | 'replay'): void {
  if (job.dryRun) print(described(job));
  else {
    const done = kind === 'redrive' ? 'deliveries are pending again' : 'deliveries were created';
    print(`${doneCount(job)} of ${job.matched} ${done} (${kind} ${job.id})${skippedNote(job)}`);
  }
}

export function exitBy(job: Job, kind: 'redrive' | 'replay'): void {
  if (job.state !== 'done') note(`posthorn: the ${kind} ${job.id} ended as ${job.state}${stopNote(job)}`);
  if (job.state !== 'done' || (job.skipped > 0 && !job.dryRun)) process.exitCode = 1;
}

function statusCodes(text: string, before: readonly number[] = []): number[] {
  const codes = text.split(',').map(Number);
  if (codes.every((code) => Number.isInteger(code) && code >= 100 && code <= 999))
    return [...before, ...codes];
  throw new InvalidArgumentError('Give status codes such as 503, separated by commas.');
}

/** A command that starts a job from a filter, or acts on one delivery or event by its id. */
export function jobCommand(name: 'redrive' | 'replay'): Command {
  return filterOptions(remoteOptions(new Command(name)))
    .option('--status-code <codes>', 'only these status codes of the last attempt', statusCodes)
    .option('--rate <per second>', 'maximum rate (default: no limit)', numberBetween(0.001, 100_000))
    .option('--name <name>', `name of the job, as posthorn ${name}s shows it`)
    .option('--dry-run', 'count what matches, change nothing');
}

/** The filter, with the fields that a list of deliveries does not have. */
export function jobFilterFrom(options: Record<string, unknown>): ReturnType<typeof filterFrom> & {
  readonly statusCode?: readonly number[];
} {
  const { statusCode } = options as { readonly statusCode?: readonly number[] };
  return { ...filterFrom(options), ...(statusCode === undefined ? {} : { statusCode }) };
}

export const jobOptions = ['rate', 'name', 'dryRun', 'statusCode'] as const;
