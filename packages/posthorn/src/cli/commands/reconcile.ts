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
import { Again, sendAgain } from '../reconcile/send-again.ts';
import { type SilenceLimit, silenceLimit } from '../reconcile/silence.ts';
import { apiTime } from '../time-argument.ts';
import { clientFrom, numberBetween, type RemoteOptions, remoteOptions } from '../remote.ts';
import { stoppable } from '../stoppable.ts';
import { refuseBeside } from './deliveries.ts';

/** Rows shown as text; `--json` prints all of them. */
const maxShown = 50;
const maxUnexpected = 10_000;
/** A node reads five million deliveries before it answers that none is missing. */
const usualTimeoutS = 120;

interface ReconcileOptions extends RemoteOptions {
  readonly since: string;
  readonly until?: string;
  readonly tenant?: string;
  readonly column?: string;
  readonly json?: boolean;
  readonly endpoint?: string;
  readonly replay?: boolean;
  readonly rate?: number;
  readonly name?: string;
}

/** The part of the answer that is shown as text. */
interface Shown {
  readonly missing: MissingDelivery[];
  readonly unexpected: string[];
  summary: ReconciliationSummary | null;
  /** With `--replay`: all that is missing. */
  readonly again: Again | null;
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

/** The ids of an input, as the server reads them. */
class GivenIds {
  /** A line without an id: then the request is aborted because of it. */
  failure: NoIdError | null = null;
  readonly #input: LineInput;
  readonly #column: string | null;
  readonly #silence: SilenceLimit;

  constructor(input: LineInput, column: string | null, silence: SilenceLimit) {
    this.#input = input;
    this.#column = column;
    this.#silence = silence;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string> {
    const { totalBytes, lines } = this.#input;
    const bar = progress(totalBytes);
    let count = 0;
    try {
      this.#silence.pause();
      for await (const id of receivedIds(lines, this.#column)) {
        count++;
        bar.at(totalBytes === null ? count : this.#input.readBytes(), `${many(count)} ids`);
        this.#silence.awaitServer();
        yield id;
        this.#silence.pause();
      }
    } catch (error) {
      if (error instanceof NoIdError) this.failure = error;
      throw error;
    } finally {
      bar.end();
      this.#silence.awaitServer();
    }
  }
}

async function compare(
  client: Client,
  endpoint: string,
  input: LineInput,
  options: ReconcileOptions,
  signal: AbortSignal,
): Promise<Shown> {
  const { since, until = iso(systemClock.now()), tenant, column, json, timeout = usualTimeoutS } = options;
  const silence = silenceLimit(timeout);
  const ids = new GivenIds(input, column ?? null, silence);
  const again = options.replay === true ? new Again() : null;
  const shown: Shown = { missing: [], unexpected: [], summary: null, again };
  const { answer: shape } = operations['reconcile.run'].lines!;
  const request = {
    endpointId: endpoint,
    since,
    until,
    limit: maxUnexpected,
    ...(tenant === undefined ? {} : { tenant }),
  };
  try {
    silence.awaitServer();
    const stop = AbortSignal.any([signal, silence.signal]);
    for await (const line of client.reconcile.runLines(ids, request, { signal: stop })) {
      silence.pause();
      if (json === true && !(await printStreamed(JSON.stringify(toWire(shape, line))))) break;
      if ('summary' in line) shown.summary = line.summary;
      else if ('missing' in line) {
        again?.add(line.missing);
        if (shown.missing.length < maxShown) shown.missing.push(line.missing);
      } else if (shown.unexpected.length < maxShown) shown.unexpected.push(line.unexpected);
      silence.awaitServer();
    }
  } catch (error) {
    if (ids.failure !== null) throw new CommandError(ids.failure.message, 2);
    throw silence.signal.aborted ? silence.signal.reason : error;
  } finally {
    silence.end();
  }
  return shown;
}

/** The endpoint and the file, whichever way the endpoint was given. */
function parseOperands(
  operands: readonly (string | undefined)[],
  { endpoint: option }: ReconcileOptions,
): { readonly endpoint: string; readonly file: string } {
  const [first, second] = operands;
  if (option !== undefined && second !== undefined)
    throw new CommandError('the endpoint is given twice: as an argument and with --endpoint', 2);
  const [endpoint, file = '-'] = option === undefined ? [first, second] : [option, first];
  if (endpoint === undefined)
    throw new CommandError('name the endpoint: posthorn reconcile <endpoint> [file] --since <time>', 2);
  return { endpoint, file };
}

async function reconcile(
  first: string | undefined,
  second: string | undefined,
  options: ReconcileOptions,
): Promise<void> {
  const { endpoint, file } = parseOperands([first, second], options);
  if (options.replay !== true)
    refuseBeside('a comparison without --replay', { ...options }, ['rate', 'name']);
  const client = clientFrom(options);
  const input = await openIds(file);
  await stoppable(async (signal) => {
    const shown = await compare(client, endpoint, input, options, signal).catch((error: unknown) => {
      throw signal.aborted
        ? new CommandError('stopped before the end of the comparison', interrupted)
        : error;
    });
    await input.close(true);
    if (options.json !== true) show(endpoint, shown);
    const { summary, again } = shown;
    if (summary === null) throw new CommandError('the answer is incomplete; run the command again');
    const isSent =
      again === null || summary.missingCount === 0
        ? null
        : await sent(client, endpoint, again, options, signal);
    // A finding, as in `verify`.
    if (summary.unexpectedCount > 0 || (summary.missingCount > 0 && isSent !== true)) process.exitCode = 1;
  });
}

async function sent(
  client: Client,
  reference: string,
  again: Again,
  { tenant, name, rate: ratePerS, json = false }: ReconcileOptions,
  signal: AbortSignal,
): Promise<boolean> {
  if (!json) print();
  const endpoint = await client.endpoints.get(reference, tenant === undefined ? {} : { tenant });
  const usual = `missing at ${reference}, found ${iso(systemClock.now())}`;
  return await sendAgain(client, endpoint, again, { name: name ?? usual, ratePerS, json }, signal);
}

export function reconcileCommand(): Command {
  return remoteOptions(new Command('reconcile'), usualTimeoutS)
    .usage('[options] <endpoint> [file]')
    .argument('[endpoint]', 'the endpoint whose deliveries are compared, by id or name')
    .argument(
      '[file]',
      'ids that its receiver has: text, CSV with a header, or JSON lines; - reads standard input; gzip and zstd are supported (default: -)',
    )
    .option('--endpoint <endpoint>', 'the same as the argument')
    .requiredOption('--since <time>', 'deliveries created at or after this time', apiTime)
    .option(
      '--until <time>',
      'deliveries created before this time (default: now); give the time of the export if webhooks keep arriving',
      apiTime,
    )
    .option('--tenant <tenant>', 'tenant of an endpoint that is given by its name')
    .option('--column <name>', 'field of the ids in CSV or JSON (default: webhook-id, event_id or id)')
    .option(
      '--replay',
      'send what is missing again: what was delivered as new deliveries, what is dead or suppressed as a redrive; a key of the receiver with the scopes read and operate can do it for its endpoints',
    )
    .option(
      '--rate <per second>',
      'with --replay: maximum rate (default: no limit)',
      numberBetween(0.001, 100_000),
    )
    .option('--name <name>', 'with --replay: name of the job, as posthorn replays shows it')
    .addHelpText(
      'after',
      '\nExit code: 0 nothing is missing or unexpected, or with --replay all that is missing is being delivered again; 1 otherwise, or the command failed; 2 wrong usage.\n\nExample:\n  psql -Atc "SELECT webhook_id FROM inbox WHERE received_at >= \'2026-11-19\'" | posthorn reconcile ep_… --since 2026-11-19 --replay',
    )
    .action(reconcile);
}
