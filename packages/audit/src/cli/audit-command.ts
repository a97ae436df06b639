import { printable, withShownPaths, count } from 'posthorn/report';
import { globSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import { audit } from '../audit.ts';
import { AuditError, AuditStopped } from '../errors.ts';
import type { AuditOptions, AuditResult } from '../result.ts';
import { preview, previewText } from '../preview.ts';
import { summarize } from '../report/summary.ts';
import { type AuditOutputs, auditOutputOptions, writeAuditOutputs } from './audit-outputs.ts';
import { type LogReading, logReadingOptions, readingFrom } from './log-reading.ts';
import {
  closeToOthers,
  CommandError,
  commandText,
  demandWritable,
  interrupted,
  note,
  print,
  printJson,
  progress,
  stoppable,
  demandPackages,
} from 'posthorn/cli';
import { withStandardInput } from './standard-input.ts';
import { noteUnread } from './unread.ts';

interface AuditCommandOptions extends AuditOutputs, LogReading {
  readonly expected?: string;
  readonly received?: string;
  readonly deploys?: string;
  readonly horizon?: number;
  readonly lateAfter?: number;
  readonly missing?: string;
  readonly memory?: number;
  readonly json?: boolean;
  readonly preview?: boolean;
}

/** `90s`, `5m`, `2h`, `1d` in milliseconds. */
function duration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  if (match === null) throw new InvalidArgumentError('must be a duration, such as 90s, 5m, 2h or 1d');
  return (
    Number(match[1]) *
    { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[match[2] as 'ms' | 's' | 'm' | 'h' | 'd']
  );
}

function megabytes(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 256 || value > 1_000_000)
    throw new InvalidArgumentError('must be a whole number of MiB, 256 or more');
  return value;
}

/** Whether an audit found something that needs attention. */
function hasFinding({ verdicts, causes, quality }: AuditResult): boolean {
  return (
    !quality.conclusive ||
    verdicts.silently_dropped > 0 ||
    verdicts.acknowledged_unprocessed > 0 ||
    causes.length > 0
  );
}

/** Files that the audit will read and that exist now. */
function inputFiles(files: readonly string[], options: AuditCommandOptions): string[] {
  const { expected, received, deploys, mapFile, after } = options;
  const logs = [...files, ...(after?.split(',') ?? [])].flatMap((path) =>
    /[*?[{]/.test(path) ? globSync(path) : [path],
  );
  return [...logs, ...[expected, received, deploys, mapFile].filter((path) => path !== undefined)];
}

async function runAudit(files: readonly string[], options: AuditCommandOptions): Promise<void> {
  await withStandardInput(files, (read) => auditFiles(read, options));
}

async function auditFiles(files: readonly string[], options: AuditCommandOptions): Promise<void> {
  if (options.scenario !== undefined) demandPackages(['@posthorn/lab'], '--scenario', import.meta.url);
  demandWritable(
    [options.missing, options.html, options.markdown, options.scenario],
    inputFiles(files, options),
  );
  const bar = progress(100);
  const reading = readingFrom(options);
  try {
    await stoppable(async (signal) => {
      const auditOptions: AuditOptions = {
        ...reading,
        files,
        expected: options.expected,
        received: options.received,
        deploys: options.deploys,
        horizonMs: options.horizon,
        lateAfterMs: options.lateAfter,
        missing: options.missing,
        memoryMb: options.memory,
        signal,
        onProgress: ({ stage, done }) => bar.at(Math.round(done * 100), `% ${stage}`),
      };
      if (options.preview === true) {
        const shown = await preview(auditOptions);
        bar.end();
        if (options.json === true) printJson(shown);
        else print(previewText(shown));
        return;
      }
      const result = await audit(auditOptions);
      bar.end();
      if (options.json === true) printJson(result);
      else print(summarize(result));
      if (options.missing !== undefined) closeToOthers(options.missing);
      if (options.missing !== undefined)
        note(`${count(result.missing.total)} events to resend are in ${options.missing}`);
      await writeAuditOutputs(result, options, auditOptions, commandText());
      if (hasFinding(result)) process.exitCode = 1;
      if (noteUnread(result, 'the log')) process.exitCode = 1;
    });
  } catch (error) {
    bar.end();
    if (error instanceof AuditError) throw new CommandError(printable(withShownPaths(error.message)), 2);
    if (error instanceof AuditStopped) throw new CommandError(error.message, interrupted);
    throw error;
  }
}

/** `posthorn audit`. */
export function auditCommand(): Command {
  const command = new Command('audit')
    .description("Find silent drops in any webhook sender's logs, name the cause and put a price on it")
    .argument(
      '<files...>',
      'logs: JSON lines, JSON, CSV, Parquet or text; plain, gzip, zstd or zip; globs are expanded; - is standard input',
    )
    .option('--missing <ids.csv>', 'write the events to resend as CSV')
    .option('--preview', 'show three lines and how each is read, and stop')
    .option('--json', 'print JSON')
    .optionsGroup('Data that the log does not contain:')
    .option('--expected <payments.csv>', 'what should have been sent, joined by id')
    .option('--received <receipts.csv>', 'what the receiver processed, joined by id')
    .option('--deploys <deploys.csv>', 'times of deploys and restarts, one per line');
  return auditOutputOptions(logReadingOptions(command))
    .optionsGroup('Limits:')
    .option('--horizon <duration>', 'how long a retry may take (default: learned from the log)', duration)
    .option('--late-after <duration>', 'when a delivery counts as late (default: 5m)', duration)
    .option('--memory <MiB>', 'memory for the database (default: 1100)', megabytes)
    .addHelpText(
      'after',
      `
Exit code: 0 nothing found; 1 silent drops, a cause, unreadable lines, or a log that cannot tell; 2 wrong usage or a log that cannot be audited.

Examples:
  posthorn audit deliveries.jsonl
  posthorn audit 'logs/*.jsonl.gz' --deploys deploys.csv --missing ids.csv
  posthorn audit attempts.csv --map event_id=msg,attempt_no=try --expected payments.csv`,
    )
    .action(runAudit);
}
