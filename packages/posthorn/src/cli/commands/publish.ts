import { Command, InvalidArgumentError } from 'commander';
import { ApiError, type Client } from '@posthorn/client';
import { newEventId } from '../../domain/ids.ts';
import { shardCount } from '../../domain/shard.ts';
import { systemClock } from '../../runtime/clock.ts';
import { systemRandom } from '../../runtime/random.ts';
import { CommandError, interrupted, note, print, printJson, progress } from '../output.ts';
import { BatchSender } from '../publish/batch-sender.ts';
import { derivedId, eventOfLine, type IdSource, type ValuePointers } from '../publish/event-line.ts';
import { type LineInput, openLines } from '../publish/input.ts';
import { Publisher, type PublishEnd } from '../publish/publisher.ts';
import { PublishTotals } from '../publish/totals.ts';
import { clientFrom, failureText, numberBetween, type RemoteOptions, remoteOptions } from '../remote.ts';
import { stoppable } from '../stoppable.ts';

interface PublishOptions extends RemoteOptions {
  readonly skipInvalid?: boolean;
  readonly newIds?: boolean;
  readonly valuePointer?: string;
  readonly currencyPointer?: string;
  readonly retryFor: number;
  readonly timeout: number;
  readonly json?: boolean;
}

/** A batch of 500 events takes milliseconds: two unanswered requests fit into the retry time. */
const usualTimeoutS = 20;
/** A shorter retry is not reported. */
const quietRetryMs = 2000;

const newId: IdSource = () =>
  newEventId(systemClock.now(), systemRandom.bytes(14), systemRandom.bytes(1)[0]! % shardCount);

function pointer(text: string): string {
  if (!/^(\/.*)?$/s.test(text))
    throw new InvalidArgumentError('takes a JSON Pointer, such as /object/amount');
  return text;
}

function parsePointers({ valuePointer, currencyPointer }: PublishOptions): ValuePointers | null {
  if (valuePointer === undefined && currencyPointer !== undefined)
    throw new CommandError('--currency-pointer needs --value-pointer', 2);
  return valuePointer === undefined
    ? null
    : { amount: valuePointer, currency: currencyPointer ?? '/currency' };
}

/** Publishes an opened input; returns how it ended, with the counts. */
async function publishLines(
  input: LineInput,
  { client, pointers }: { client: Client; pointers: ValuePointers | null },
  options: PublishOptions,
  signal: AbortSignal,
): Promise<{ end: PublishEnd; totals: PublishTotals }> {
  const skipRefused = options.skipInvalid === true;
  const idOf = options.newIds === true ? newId : derivedId;
  const bar = progress(input.totalBytes);
  const totals = new PublishTotals(
    (accepted) =>
      input.totalBytes === null
        ? bar.at(accepted, 'events accepted')
        : bar.at(input.readBytes(), `bytes, ${accepted.toLocaleString('en-US')} events accepted`),
    ({ line, message }) => note(`line ${line}: ${message}`),
  );
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  signal.addEventListener('abort', onSignal);
  const sender = new BatchSender({
    client,
    clock: systemClock,
    random: systemRandom,
    skipRefused,
    retryForMs: options.retryFor * 1000,
    requestMs: options.timeout * 1000,
    signal,
    outcomes: {
      accepted: (line, receipt, isRetried) => totals.accepted(line, receipt, isRetried),
      refused: (refusal) => totals.refused(refusal),
      retrying: (failure, waitMs) => {
        if (waitMs >= quietRetryMs) note(`${failure.message}; retrying in ${Math.round(waitMs / 1000)} s`);
      },
    },
  });
  try {
    const publisher = new Publisher({
      input: input.lines,
      toEvent: (text, number) => {
        const event = eventOfLine(text, number, { pointers, idOf });
        totals.sending();
        return event;
      },
      send: (lines) => sender.send(lines),
      refused: (refusal) => totals.unreadable(refusal),
      skipRefused,
      clock: systemClock,
      stop,
    });
    return { end: await publisher.run(), totals };
  } finally {
    bar.end();
    signal.removeEventListener('abort', onSignal);
  }
}

/** Prints the summary; returns what ended the work early, with the exit code, or null. */
function report(
  end: PublishEnd,
  totals: PublishTotals,
  { json, newIds = false }: PublishOptions,
): CommandError | null {
  if (json === true) printJson(totals.json());
  else print(totals.text());
  for (const text of totals.notes()) note(text);
  const again = newIds
    ? 'accepted lines without an id would be published twice: publish only the remaining lines'
    : 'publish the same input again: accepted lines are not published twice';
  switch (end.kind) {
    case 'finished':
      return null;
    case 'failed':
      if (!(end.error instanceof Error)) throw end.error;
      return new CommandError(
        `${end.error instanceof ApiError ? failureText(end.error) : end.error.message}; ${again}`,
      );
    case 'refused':
      return new CommandError(
        `stopped at a rejected line (--skip-invalid continues instead); correct it, then ${again}`,
      );
    case 'stopped':
      return new CommandError(`stopped before the end of the input; ${again}`, interrupted);
  }
}

async function publish(file: string, options: PublishOptions): Promise<void> {
  // Invalid options or files end the command before anything is sent.
  const to = { client: clientFrom(options), pointers: parsePointers(options) };
  const input = await openLines(file);
  if (file === '-' && process.stdin.isTTY) note('reading events from standard input, one per line …');
  const { end, totals } = await stoppable((signal) => publishLines(input, to, options, signal));
  const failure = report(end, totals, options);
  // The exit code is 0 only if every line was accepted.
  if (totals.rejected > 0 || totals.unconfirmed > 0) process.exitCode = 1;
  if (failure !== null) {
    note(`posthorn: ${failure.message}`);
    process.exitCode = failure.code;
  }
  // An interrupted command does not wait for the producer.
  await input.close(end.kind !== 'stopped');
}

export function publishCommand(): Command {
  return remoteOptions(new Command('publish'), usualTimeoutS)
    .argument(
      '[file]',
      'JSON lines {"type", "data", "id"?, …}; - reads standard input; gzip and zstd are supported',
      '-',
    )
    .option('--skip-invalid', 'report rejected lines and continue; the exit code is still 1')
    .option(
      '--new-ids',
      'give each line without an id a new one; by default the id is derived from tenant, text and line number',
    )
    .option(
      '--value-pointer <pointer>',
      'JSON Pointer to the amount in the data, in minor units: /object/amount',
      pointer,
    )
    .option(
      '--currency-pointer <pointer>',
      'JSON Pointer to the currency in the data (default: /currency)',
      pointer,
    )
    .option(
      '--retry-for <seconds>',
      'seconds to retry a batch while the server is away or busy',
      numberBetween(0, 86_400),
      60,
    )
    .addHelpText(
      'after',
      '\nExit code: 0 every line was accepted, 1 a line was rejected or could not be sent, 2 wrong usage.\n\nExample:\n  posthorn publish data/payment-events.jsonl --value-pointer /object/amount --currency-pointer /object/currency',
    )
    .action(publish);
}
