import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { parse } from 'yaml';
import { audit } from '../../audit/audit.ts';
import { AuditError, AuditStopped } from '../../audit/errors.ts';
import { type AuditOptions, type AuditResult, type Format, formats } from '../../audit/result.ts';
import { summarize } from '../../audit/summary.ts';
import { type AuditOutputs, auditOutputOptions, writeAuditOutputs } from '../audit-outputs.ts';
import { CommandError, note, print, progress } from '../output.ts';

/** As a shell says that a command was ended by SIGINT. */
const interrupted = 130;
const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

interface AuditCommandOptions extends AuditOutputs {
  readonly format?: Format;
  readonly map?: Readonly<Record<string, string>>;
  readonly mapFile?: string;
  readonly expected?: string;
  readonly received?: string;
  readonly deploys?: string;
  readonly horizon?: number;
  readonly lateAfter?: number;
  readonly timezone?: string;
  readonly missing?: string;
  readonly memory?: number;
  readonly json?: boolean;
}

function mapping(text: string): Record<string, string> {
  return Object.fromEntries(
    text.split(',').map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1 || at === pair.length - 1)
        throw new InvalidArgumentError('takes pairs as in event_id=msg.id,attempt_no=try,duration=took:s');
      return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
    }),
  );
}

function mappingFile(path: string): Record<string, string> {
  try {
    const value: unknown = parse(readFileSync(path, 'utf8'));
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new Error('it is no mapping');
    return Object.fromEntries(Object.entries(value).map(([field, from]) => [field, String(from)]));
  } catch (error) {
    throw new CommandError(`cannot read ${path}: ${(error as Error).message}`, 2);
  }
}

/** `90s`, `5m`, `2h`, `1d` in milliseconds. */
function duration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  if (match === null) throw new InvalidArgumentError('takes a duration as in 90s, 5m, 2h or 1d');
  return (
    Number(match[1]) *
    { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[match[2] as 'ms' | 's' | 'm' | 'h' | 'd']
  );
}

function megabytes(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 256 || value > 1_000_000)
    throw new InvalidArgumentError('takes MiB, from 256 on');
  return value;
}

/** Whether an audit has found something that somebody must look at. */
function hasFinding({ verdicts, causes }: AuditResult): boolean {
  return verdicts.silently_dropped > 0 || verdicts.acknowledged_unprocessed > 0 || causes.length > 0;
}

async function runAudit(files: readonly string[], options: AuditCommandOptions): Promise<void> {
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  // Said twice it is no more than once: what was begun has to be cleared up.
  for (const name of stopSignals) process.on(name, onSignal);
  const bar = progress(100);
  const map = { ...(options.mapFile === undefined ? {} : mappingFile(options.mapFile)), ...options.map };
  try {
    const auditOptions: AuditOptions = {
      files,
      format: options.format,
      mapping: Object.keys(map).length === 0 ? undefined : map,
      expected: options.expected,
      received: options.received,
      deploys: options.deploys,
      horizonMs: options.horizon,
      lateAfterMs: options.lateAfter,
      timezone: options.timezone,
      missing: options.missing,
      memoryMb: options.memory,
      signal: stop.signal,
      onProgress: ({ stage, done }) => bar.at(Math.round(done * 100), `% ${stage}`),
    };
    const result = await audit(auditOptions);
    bar.end();
    print(options.json === true ? JSON.stringify(result) : summarize(result));
    if (options.missing !== undefined)
      note(`${result.missing.total.toLocaleString('en-US')} events to send again are in ${options.missing}`);
    await writeAuditOutputs(result, options, auditOptions, `posthorn ${process.argv.slice(2).join(' ')}`);
    if (hasFinding(result)) process.exitCode = 1;
  } catch (error) {
    bar.end();
    if (error instanceof AuditError) throw new CommandError(error.message, 2);
    if (error instanceof AuditStopped) throw new CommandError(error.message, interrupted);
    throw error;
  } finally {
    for (const name of stopSignals) process.off(name, onSignal);
  }
}

/** `posthorn audit`. */
export function auditCommand(): Command {
  return auditOutputOptions(new Command('audit'))
    .description("find silent drops in any webhook sender's logs, name the cause, and put a price on it")
    .argument('<files...>', 'logs: JSON lines, JSON, CSV, Parquet, access logs; plain or gzip; globs')
    .addOption(new Option('--format <name>', 'instead of the one that is detected').choices(formats))
    .option('--map <pairs>', 'which field is which: event_id=msg.id,attempt_no=try,duration=took:s', mapping)
    .option('--map-file <map.yaml>', 'the same as YAML')
    .option('--expected <payments.csv>', 'what ought to have been sent, joined by id')
    .option('--received <receipts.csv>', 'what the receiver processed, joined by id')
    .option('--deploys <deploys.csv>', 'times of deploys and restarts, one a line')
    .option('--horizon <duration>', 'how long a retry may take, instead of what the log shows', duration)
    .option('--late-after <duration>', 'when a delivery is late (5m)', duration)
    .option('--timezone <name>', 'for times that say none (UTC)')
    .option('--missing <ids.csv>', 'write what has to be sent again')
    .option('--memory <MiB>', 'for the database (1200)', megabytes)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Exit code: 0 nothing found, 1 silent drops or a cause, 2 wrong usage or a log that cannot be audited.

Examples:
  posthorn audit deliveries.jsonl
  posthorn audit 'logs/*.jsonl.gz' --deploys deploys.csv --missing ids.csv
  posthorn audit attempts.csv --map event_id=msg,attempt_no=try --expected payments.csv`,
    )
    .action(runAudit);
}
