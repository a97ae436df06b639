import { printable } from 'posthorn/report';
import {
  compare,
  type ImpactResult,
  type TimeToDetect,
  impactPage,
  impactMarkdown,
  impactRows,
  notesOf,
  recoveredLine,
  unchangedWords,
} from 'posthorn/impact';
import { Command, InvalidArgumentError } from 'commander';
import {
  CommandError,
  commandText,
  demandWritable,
  note,
  print,
  printJson,
  stoppable,
  table,
  writePrivately,
} from 'posthorn/cli';
import { readSides } from './impact-sides.ts';
import { type LogReading, logReadingOptions, readingFrom } from './log-reading.ts';

interface ImpactOptions extends LogReading {
  readonly before?: string;
  readonly after?: string;
  readonly deploy?: number;
  readonly dataDir?: string;
  readonly databaseUrl?: string;
  readonly target: number;
  readonly detected?: number;
  readonly html?: string;
  readonly markdown?: string;
  readonly json?: boolean;
}

function parseTime(text: string): number {
  const at = Date.parse(text);
  if (!Number.isFinite(at)) throw new InvalidArgumentError('must be a time, such as 2026-10-15T09:00Z');
  return at;
}

function printImpact(raw: ImpactResult): void {
  const result = printable(raw);
  const { exposure, difference, recovered_per_week: recovered } = result;
  print(`${result.statement}\n`);
  print(table(['', 'before', 'after'], impactRows(result)));
  const points = (share: number): string => `${Number((share * 100).toFixed(4))}`;
  print(
    `\nDifference: ${points(difference.rate)} percentage points (95%, Newcombe: ${points(difference.interval[0])} to ${points(difference.interval[1])}).`,
  );
  print(unchangedWords(result));
  for (const week of recovered) print(recoveredLine(week));
  print('\nWas the exposure equal?');
  for (const { fine, words } of exposure.checks)
    print(`  ${fine === null ? '?' : fine ? 'yes' : 'NO '} ${words}`);
  for (const words of notesOf(result)) print(`  ${words}`);
}

async function impact(log: string | undefined, options: ImpactOptions): Promise<void> {
  const logs = [log, options.before, options.after].flatMap((path) => path?.split(',') ?? []);
  demandWritable([options.html, options.markdown], logs);
  const reading = readingFrom(options);
  const { before, after } = await stoppable((signal) =>
    readSides({ ...options, log, reading: { ...reading, signal } }),
  );
  const noticed = options.detected;
  const detected: TimeToDetect | null =
    noticed === undefined || before.side.firstLostAt === null
      ? before.detected
      : { after_s: Math.max(0, (noticed - before.side.firstLostAt) / 1000), by: 'people' };
  const result = compare(before.side, after.side, {
    target: options.target,
    detectedBefore: detected,
    detectedAfter: after.detected,
  });
  const command = commandText();
  for (const [path, text] of [
    [options.html, () => impactPage(result, command)],
    [options.markdown, () => impactMarkdown(result, command)],
  ] as const)
    if (path !== undefined) {
      writePrivately(path, text());
      note(`the report is in ${path}`);
    }
  if (options.json === true) printJson(result);
  else printImpact(result);
  if (result.verdict !== 'better' && result.after.drop_rate > 0) process.exitCode = 1;
}

const parseTarget = (text: string): number => {
  const value = Number(text);
  if (!(value >= 0.5 && value < 1))
    throw new InvalidArgumentError('must be a share from 0.5 to below 1, such as 0.999');
  return value;
};

export function impactCommand(): Command {
  const command = new Command('impact')
    .argument('[log]', 'one log that covers the time before and after --deploy')
    .option(
      '--before <log|from..until>',
      "a log (several with commas, or a glob), or a time window of Posthorn's own history",
    )
    .option('--after <log|from..until>', 'the same for the time after the change')
    .option(
      '--deploy <time>',
      'when the change was deployed, if one log (or one Posthorn) covers both times',
      parseTime,
    )
    .option('--target <share>', 'the objective of the error budget', parseTarget, 0.999)
    .option(
      '--detected <time>',
      'when the loss was noticed (default: when the first alert rule would have fired)',
      parseTime,
    )
    .option('--html <report.html>', 'write the report as a page')
    .option('--markdown <report.md>', 'write the report as a section for a document')
    .option('--json', 'print JSON')
    .optionsGroup("Posthorn's own history:")
    .option('--data-dir <path>', 'the data directory that windows or --deploy refer to')
    .option('--database-url <url>', 'the same for Posthorn on PostgreSQL')
    .addHelpText(
      'after',
      '\nExit code: 0 nothing is lost any more, or significantly less than before; 1 no difference is shown, it is worse, or lines cannot be read; 2 wrong usage.\n\nExamples:\n  posthorn impact --before old.jsonl --after new.jsonl\n  posthorn impact attempts.jsonl --deploy 2026-10-15T09:00Z --html impact.html\n  posthorn impact --data-dir ./posthorn-data --deploy 2026-10-15T09:00Z\n  posthorn impact --data-dir ./posthorn-data --before 2026-10-01..2026-10-14 --after 2026-10-15..2026-10-28',
    )
    .exitOverride();
  return logReadingOptions(command).action(async (log: string | undefined, options: ImpactOptions) => {
    try {
      await impact(log, options);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).syscall !== undefined)
        throw new CommandError((error as Error).message, 2);
      throw error;
    }
  });
}
