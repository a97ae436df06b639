import { Command } from 'commander';
import { type Client, type MissingDelivery, type ReconciliationSummary } from '@posthorn/client';
import { operations, toWire } from '@posthorn/client/operations';
import { iso } from '../../domain/time.ts';
import { count as many } from '../../report/count.ts';
import { systemClock } from '../../runtime/clock.ts';
import { amountsText } from '../amounts.ts';
import { CommandError, interrupted, note, print, printStreamed, progress, table } from '../output.ts';
import type { LineInput } from '../publish/input.ts';
import { NoIdError, openIds, receivedIds } from '../reconcile/received-ids.ts';
import { apiTime } from '../time-argument.ts';
import { clientOf, type RemoteOptions, remoteOptions } from '../remote.ts';
import { stoppable } from '../stoppable.ts';

/** Rows shown as text; `--json` prints all of them. */
const maxShown = 50;
const maxUnexpected = 10_000;

interface ReconcileOptions extends RemoteOptions {
  readonly since: string;
  readonly until?: string;
  readonly tenant?: string;
  readonly column?: string;
  readonly json?: boolean;
}

/** The part of the answer that is shown as text. */
interface Shown {
  readonly missing: MissingDelivery[];
  readonly unexpected: string[];
  summary: ReconciliationSummary | null;
}

/** The result, in sentences that add up. */
function sentences(endpoint: string, summary: ReconciliationSummary): string {
  const { sent, matched, missingCount, missingByState, missingValue, unexpectedCount, outside } = summary;
  const states = Object.entries(missingByState).filter(([, count]) => count > 0);
  const worth = missingValue.length === 0 ? '' : `, worth ${amountsText(missingValue)}`;
  return [
    `${many(sent)} deliveries to ${endpoint} in the window = ${many(matched)} received + ${many(missingCount)} missing`,
    ...(missingCount === 0
      ? []
      : [`Missing${worth}: ${states.map(([state, count]) => `${many(count)} ${state}`).join(', ')}`]),
    ...(unexpectedCount === 0
      ? []
      : [
          `${many(unexpectedCount)} received that were never sent to this endpoint, or that retention has deleted`,
        ]),
    ...(outside === 0 ? [] : [`${many(outside)} received from deliveries outside the window`]),
  ].join('\n');
}

function show(endpoint: string, { missing, unexpected, summary }: Shown): void {
  if (summary === null) return;
  print(sentences(endpoint, summary));
  if (missing.length > 0)
    print(
      `\n${table(
        ['event', 'delivery', 'state', 'settled', 'value'],
        missing.map(({ eventId, deliveryId, state, settledAt, value }) => [
          eventId,
          deliveryId,
          state,
          settledAt ?? '',
          value === null ? '' : amountsText([value]),
        ]),
      )}`,
    );
  if (unexpected.length > 0) print(`\nReceived, but never sent:\n${unexpected.join('\n')}`);
  const hidden = summary.missingCount - missing.length + summary.unexpectedCount - unexpected.length;
  if (hidden > 0) note(`${many(hidden)} more are not shown: --json prints all of them`);
}

async function compare(
  client: Client,
  endpoint: string,
  input: LineInput,
  options: ReconcileOptions,
  signal: AbortSignal,
): Promise<Shown> {
  const { since, until = iso(systemClock.now()), tenant, column, json } = options;
  const bar = progress(input.totalBytes);
  let failure: NoIdError | null = null;
  const ids = async function* (): AsyncGenerator<string> {
    let count = 0;
    try {
      for await (const id of receivedIds(input.lines, column ?? null)) {
        count++;
        bar.at(input.totalBytes === null ? count : input.readBytes(), `${many(count)} ids`);
        yield id;
      }
    } catch (error) {
      if (error instanceof NoIdError) failure = error;
      throw error;
    }
  };
  const shown: Shown = { missing: [], unexpected: [], summary: null };
  const { answer: shape } = operations['reconcile.run'].lines!;
  try {
    const request = {
      endpointId: endpoint,
      since,
      until,
      limit: maxUnexpected,
      ...(tenant === undefined ? {} : { tenant }),
    };
    for await (const line of client.reconcile.runLines(ids(), request, { signal })) {
      if (json === true && !(await printStreamed(JSON.stringify(toWire(shape, line))))) break;
      if ('summary' in line) shown.summary = line.summary;
      else if ('missing' in line) {
        if (shown.missing.length < maxShown) shown.missing.push(line.missing);
      } else if (shown.unexpected.length < maxShown) shown.unexpected.push(line.unexpected);
    }
  } catch (error) {
    // The request was aborted because of a line: the line's fault is the error.
    throw failure === null ? error : new CommandError((failure as NoIdError).message, 2);
  } finally {
    bar.end();
  }
  return shown;
}

async function reconcile(endpoint: string, file: string, options: ReconcileOptions): Promise<void> {
  const client = clientOf(options);
  const input = await openIds(file);
  let isStopped = false;
  const shown = await stoppable(async (signal) => {
    signal.addEventListener('abort', () => (isStopped = true));
    return await compare(client, endpoint, input, options, signal);
  }).catch((error: unknown) => {
    throw isStopped ? new CommandError('stopped before the end of the comparison', interrupted) : error;
  });
  await input.close(true);
  if (options.json !== true) show(endpoint, shown);
  const { summary } = shown;
  if (summary === null) throw new CommandError('the answer is incomplete; run the command again');
  // A finding, as in `verify`.
  if (summary.missingCount > 0 || summary.unexpectedCount > 0) process.exitCode = 1;
}

export function reconcileCommand(): Command {
  return remoteOptions(new Command('reconcile'))
    .argument('<endpoint>', 'the endpoint whose deliveries are compared, by id or name')
    .argument(
      '[file]',
      'ids that its receiver has: text, CSV with a header, or JSON lines; - reads standard input; gzip and zstd are supported',
      '-',
    )
    .requiredOption('--since <time>', 'deliveries created at or after this time', apiTime)
    .option('--until <time>', 'deliveries created before this time (default: now)', apiTime)
    .option('--tenant <tenant>', 'tenant of an endpoint that is given by its name')
    .option('--column <name>', 'field of the ids in CSV or JSON (default: webhook-id, event_id or id)')
    .addHelpText(
      'after',
      '\nExit code: 0 nothing is missing or unexpected, 1 something is, or the command failed, 2 wrong usage.\n\nExample:\n  psql -Atc "SELECT webhook_id FROM inbox WHERE received_at >= \'2026-11-19\'" | posthorn reconcile ep_… --since 2026-11-19',
    )
    .action(reconcile);
}
