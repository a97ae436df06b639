import { Command, InvalidArgumentError } from 'commander';
import type { Client } from '@posthorn/client';
import { minuteMs, secondMs } from '../../domain/time.ts';
import { systemClock } from '../../runtime/clock.ts';
import { CommandError, note, printJson } from '../output.ts';
import { clientFrom, integerBetween, numberBetween, type RemoteOptions, remoteOptions } from '../remote.ts';
import { compareEndpoint } from '../shadow/compare.ts';
import { openDeliveryLog } from '../shadow/delivery-log.ts';
import { cancelSent, demandQuiet, endShadow, reportEnded } from '../shadow/end.ts';
import type { OtherSender } from '../shadow/other-sender.ts';
import { chosenEndpoints, type Pair, pairEndpoints, type Pairs } from '../shadow/pairs.ts';
import { isReportEqual, type Report, reportJson, reportText } from '../shadow/report.ts';
import { stoppable } from '../stoppable.ts';
import { apiTime } from '../time-argument.ts';

interface Options extends RemoteOptions {
  readonly tenant?: string;
  readonly svixDatabaseUrl?: string;
  readonly log?: readonly string[];
  readonly map?: Readonly<Record<string, string>>;
  readonly since: string;
  readonly json?: boolean;
}

interface CompareOptions extends Options {
  readonly until?: string;
  readonly requests: number;
  readonly examples: number;
  readonly cancel?: boolean;
}

interface EndOptions extends Options {
  readonly all?: boolean;
  readonly quiet: number;
}

/** What came so shortly before may still be on its way to one of the two. */
const usualLagMs = minuteMs;

function mapping(text: string): Record<string, string> {
  const pairs = text.split(',').map((pair) => pair.split('=').map((part) => part.trim()));
  if (pairs.some((pair) => pair.length !== 2 || pair.includes('')))
    throw new InvalidArgumentError('takes pairs, such as event_id=msg.eventId,endpoint=url');
  return Object.fromEntries(pairs) as Record<string, string>;
}

/** Adds the options of both commands. */
function sourceOptions(command: Command): Command {
  return remoteOptions(command)
    .argument(
      '[endpoints...]',
      'endpoints of Posthorn, by id or name, with their counterpart if it has another name or URL: orders=ep_… (default: all)',
    )
    .option('--svix-database-url <url>', 'the other sender is Svix: its database, which is only read')
    .option('--log <files...>', 'or its delivery log, in any format that posthorn audit reads')
    .option('--map <pairs>', 'with --log: which field is which, as in posthorn audit', mapping)
    .option('--tenant <tenant>', 'only endpoints of this tenant')
    .requiredOption('--since <time>', 'events accepted at or after this time', apiTime);
}

async function openSender({ svixDatabaseUrl, log, map }: Options): Promise<OtherSender> {
  if ((svixDatabaseUrl === undefined) === (log === undefined))
    throw new CommandError('give the other sender: either --svix-database-url or --log', 2);
  if (log !== undefined) return await openDeliveryLog(log, map);
  const { openSvixDatabase } = await import('../../svix/import/sent.ts');
  return await openSvixDatabase(svixDatabaseUrl!).catch((error: Error) => {
    throw new CommandError(`cannot read the database: ${error.message}`);
  });
}

async function withSender<T>(options: Options, work: (sender: OtherSender) => Promise<T>): Promise<T> {
  const sender = await openSender(options);
  try {
    return await work(sender);
  } finally {
    await sender.close();
  }
}

/** The endpoints that are compared; one that was named must have its counterpart. */
async function pairsOf(
  client: Client,
  sender: OtherSender,
  references: readonly string[],
  { tenant }: Options,
): Promise<Pairs> {
  const { endpoints, named } = await chosenEndpoints(client, references, tenant);
  const found = pairEndpoints(endpoints, await sender.endpoints(), named);
  if (references.length === 0) return found;
  const [lacking] = found.onlyOwn;
  if (lacking !== undefined)
    throw new CommandError(
      `the other sender has no counterpart of ${lacking.name ?? lacking.id}: name it, as in ${lacking.name ?? lacking.id}=<its endpoint>`,
      2,
    );
  return { ...found, onlyOther: [] };
}

async function compare(references: readonly string[], options: CompareOptions): Promise<void> {
  const { since, until, requests, examples, cancel = false, json = false } = options;
  const client = clientFrom(options);
  await withSender(options, async (sender) => {
    const range = {
      since: Date.parse(since),
      until: until === undefined ? systemClock.now() - usualLagMs : Date.parse(until),
    };
    const { pairs, ...alone } = await pairsOf(client, sender, references, options);
    const comparisons = [];
    let cancelled = 0;
    for (const pair of pairs) {
      const comparison = await compareEndpoint(client, sender, pair, { range, maxBodies: requests });
      comparisons.push(comparison);
      if (cancel) cancelled += await cancelSent(client, comparison);
    }
    const report: Report = { range, comparisons, ...alone };
    if (json) reportJson(report, examples);
    else reportText(report, examples);
    if (cancel) note(`${cancelled.toLocaleString('en-US')} suppressed deliveries cancelled`);
    if (!isReportEqual(report)) process.exitCode = 1;
  });
}

async function end(references: readonly string[], options: EndOptions): Promise<void> {
  if (references.length > 0 === (options.all === true))
    throw new CommandError('name the endpoints to be resumed, or give --all', 2);
  const client = clientFrom(options);
  const json = options.json === true;
  const how = { since: Date.parse(options.since), quietMs: options.quiet * secondMs, json };
  await withSender(options, async (sender) => {
    const { pairs } = await pairsOf(client, sender, references, options);
    // What the other sender has disabled stays paused.
    const chosen: Pair[] = pairs.filter(({ other }) => other.isEnabled !== false);
    if (chosen.length === 0) throw new CommandError('no endpoint of the other sender is enabled', 2);
    await demandQuiet(client, sender, chosen, how);
    await stoppable(async (signal) => {
      for (const pair of chosen) {
        const ended = await endShadow(client, sender, pair, how, signal);
        if (json)
          printJson({
            endpoint_id: pair.own.id,
            live_at: ended.liveAt,
            cancelled: ended.cancelled,
            redriven: ended.redriven,
            left: ended.left.map(({ eventId }) => eventId),
          });
        else reportEnded(ended);
        if (!ended.isComplete) process.exitCode = 1;
      }
    });
  });
}

export function shadowCommand(): Command {
  const comparing = sourceOptions(new Command('compare'))
    .description('Compare what another sender delivered with the deliveries of Posthorn')
    .option('--until <time>', 'events accepted before this time (default: a minute ago)', apiTime)
    .option(
      '--requests <n>',
      'how many requests of each endpoint are built and compared byte for byte, the newest',
      integerBetween(0, 100_000),
      1000,
    )
    .option('--examples <n>', 'event ids shown of each difference', integerBetween(0, 10_000), 10)
    .option(
      '--cancel',
      'cancel suppressed deliveries that the other sender has made, so that they do not count as drops',
    )
    .addHelpText(
      'after',
      '\nExit code: 0 both did the same; 1 they differ, or the command failed; 2 wrong usage.\n\nExample:\n  posthorn shadow compare --svix-database-url postgres://svix@db/svix --since 1h',
    )
    .action(compare);
  const ending = sourceOptions(new Command('end'))
    .description(
      'Go live: resume endpoints, redrive what the other sender lacks, and cancel what it has, without a gap or a double',
    )
    .option('--all', 'all endpoints that the other sender has enabled')
    .option(
      '--quiet <seconds>',
      'how long the other sender must have accepted nothing, in seconds',
      numberBetween(0, 86_400),
      60,
    )
    .addHelpText(
      'after',
      '\nStop publishing to the other sender first.\n\nExample:\n  posthorn shadow end orders --svix-database-url postgres://svix@db/svix --since 2h',
    )
    .action(end);
  return new Command('shadow')
    .addHelpText(
      'after',
      '\nExamples:\n  posthorn shadow compare --log sent.jsonl --since 1h --json\n  posthorn shadow end --all --log sent.jsonl --since 2h',
    )
    .addCommand(comparing)
    .addCommand(ending);
}
