import { existsSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { audit } from '../../audit/audit.ts';
import { AuditError } from '../../audit/errors.ts';
import type { AuditOptions } from '../../audit/result.ts';
import { formatValue } from '../../domain/money.ts';
import { compare, type ImpactResult, type TimeToDetect } from '../../impact/compare.ts';
import { sideOfAudit } from '../../impact/of-audit.ts';
import { sideOfStore, type Window } from '../../impact/of-store.ts';
import { impactPage } from '../../impact/page.ts';
import type { Side } from '../../impact/side.ts';
import { impactMarkdown, impactRows, recoveredWords } from '../../impact/words.ts';
import { firstAlertIn } from '../audit-history.ts';
import { CommandError, note, print, progress, table } from '../output.ts';
import { openToRead } from '../read-store.ts';

interface ImpactOptions {
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

const iso = (at: number): string => new Date(at).toISOString();

function timeOf(text: string): number {
  const at = Date.parse(text);
  if (!Number.isFinite(at)) throw new InvalidArgumentError('takes a time, such as 2026-10-15T09:00Z');
  return at;
}

/** `2026-10-01..2026-10-14` is a window of time: days are whole ones, and the last day counts. */
function windowOf(text: string): Window | null {
  const parts = text.split('..');
  if (parts.length !== 2 || existsSync(text)) return null;
  const [from, until] = parts.map((part) => Date.parse(part));
  if (from === undefined || until === undefined || !Number.isFinite(from) || !Number.isFinite(until))
    return null;
  const end = /^\d{4}-\d{2}-\d{2}$/.test(parts[1]!) ? until + 86_400_000 : until;
  if (!(from < end)) throw new CommandError(`${text}: the beginning comes first`, 2);
  return { from, until: end };
}

interface Found {
  readonly side: Side;
  readonly detected: TimeToDetect | null;
}

/** One side from a log, or from a part of it. */
async function sideOfLog(path: string, label: string, window: AuditOptions['window']): Promise<Found> {
  const bar = progress(100);
  try {
    const options: AuditOptions = {
      files: path.split(','),
      ...(window === undefined ? {} : { window }),
      onProgress: ({ stage, done }) => bar.at(Math.round(done * 100), `% of ${label}: ${stage}`),
    };
    const result = await audit(options);
    const side = sideOfAudit(result, label);
    return {
      side,
      detected: side.firstLostAt === null ? null : await firstAlertIn(options, side.firstLostAt),
    };
  } catch (error) {
    throw error instanceof AuditError ? new CommandError(`${label}: ${error.message}`, 2) : error;
  } finally {
    bar.end();
  }
}

/** One side from the history of a Posthorn. */
async function sideOfPosthorn(window: Window, text: string, options: ImpactOptions): Promise<Found> {
  const { dataDir, databaseUrl } = options;
  if ((dataDir === undefined) === (databaseUrl === undefined))
    throw new CommandError(
      `${text} is a window of time: give --data-dir or --database-url of the Posthorn it is about`,
      2,
    );
  const store = await openToRead(dataDir, databaseUrl);
  const bar = progress(0);
  try {
    const side = await sideOfStore(store, window, text, Date.now(), (n) => bar.at(n, 'deliveries'));
    if (side.judged === 0) throw new CommandError(`no delivery was decided in ${text}`, 2);
    return { side, detected: null };
  } finally {
    bar.end();
    await store.close();
  }
}

async function sideOf(text: string, options: ImpactOptions): Promise<Found> {
  const window = windowOf(text);
  return window === null
    ? await sideOfLog(text, basename(text), undefined)
    : await sideOfPosthorn(window, text, options);
}

async function bothSides(
  log: string | undefined,
  options: ImpactOptions,
): Promise<{ before: Found; after: Found }> {
  const { before, after, deploy } = options;
  if (log !== undefined) {
    if (deploy === undefined || before !== undefined || after !== undefined)
      throw new CommandError('one log needs --deploy TIME, and no --before or --after', 2);
    return {
      before: await sideOfLog(log, `${basename(log)} until ${iso(deploy)}`, { until: iso(deploy) }),
      after: await sideOfLog(log, `${basename(log)} from ${iso(deploy)}`, { from: iso(deploy) }),
    };
  }
  if (before === undefined || after === undefined || deploy !== undefined)
    throw new CommandError('give --before and --after, or one log and --deploy TIME', 2);
  return { before: await sideOf(before, options), after: await sideOf(after, options) };
}

function printImpact(result: ImpactResult): void {
  const { exposure, difference, recovered_per_week: recovered, if_unchanged: unchanged } = result;
  print(`${result.statement}\n`);
  print(table(['', 'before', 'after'], impactRows(result)));
  const points = (share: number): string => `${Number((share * 100).toFixed(4))}`;
  print(
    `\nDifference: ${points(difference.rate)} percentage points (95 %, Newcombe: ${points(difference.interval[0])} to ${points(difference.interval[1])}).`,
  );
  if (unchanged.expected_drops >= 0.5)
    print(
      `At the rate from before, ${unchanged.expected_drops.toFixed(1)} of the events after would have been lost; the chance of as few as were is ${unchanged.chance_of_so_few.toPrecision(2)}.`,
    );
  for (const { currency, amount_minor: minor, interval } of recovered)
    print(
      `No longer at risk, a week: ${formatValue({ amountMinor: BigInt(minor), currency })} (95 %: ${recoveredWords({ currency, amount_minor: minor, interval })}).`,
    );
  print('\nWas the exposure equal?');
  for (const { fine, words } of exposure.checks)
    print(`  ${fine === null ? '?' : fine ? 'yes' : 'NO '} ${words}`);
  for (const words of [...result.before.notes, ...result.after.notes]) print(`  note: ${words}`);
}

async function impact(log: string | undefined, options: ImpactOptions): Promise<void> {
  const { before, after } = await bothSides(log, options);
  const detected: TimeToDetect | null =
    options.detected === undefined || before.side.firstLostAt === null
      ? before.detected
      : { after_s: Math.max(0, (options.detected - before.side.firstLostAt) / 1000), by: 'people' };
  const result = compare(before.side, after.side, {
    target: options.target,
    detectedBefore: detected,
    detectedAfter: after.detected,
  });
  const command = `posthorn impact ${process.argv.slice(3).join(' ')}`;
  for (const [path, text] of [
    [options.html, () => impactPage(result, command)],
    [options.markdown, () => impactMarkdown(result, command)],
  ] as const)
    if (path !== undefined) {
      writeFileSync(path, text());
      note(`the report is in ${path}`);
    }
  if (options.json === true) print(JSON.stringify(result));
  else printImpact(result);
  if (result.verdict !== 'better' && result.after.drop_rate > 0) process.exitCode = 1;
}

const targetOf = (text: string): number => {
  const value = Number(text);
  if (!(value >= 0.5 && value < 1))
    throw new InvalidArgumentError('takes a share from 0.5 to below 1, such as 0.999');
  return value;
};

export function impactCommand(): Command {
  return new Command('impact')
    .argument('[log]', 'one log that holds both times, with --deploy')
    .option(
      '--before <log|from..until>',
      'a log (several with commas, or a glob), or a window of a Posthorn’s history',
    )
    .option('--after <log|from..until>', 'the same for the time after the change')
    .option('--deploy <time>', 'when the change came, where one log holds both', timeOf)
    .option('--data-dir <path>', 'the embedded Posthorn that windows are about')
    .option('--database-url <url>', 'the Posthorn on PostgreSQL that windows are about')
    .option('--target <share>', 'the objective that the error budget is of', targetOf, 0.999)
    .option(
      '--detected <time>',
      'when people noticed; left out, the first alert rule that would have',
      timeOf,
    )
    .option('--html <report.html>', 'write a page')
    .option('--markdown <report.md>', 'write a section for a document')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExit code: 0 nothing is lost any more, or less than before beyond chance; 1 no difference is shown, or it is worse; 2 wrong usage.\n\nExamples:\n  posthorn impact --before old.jsonl --after new.jsonl\n  posthorn impact attempts.jsonl --deploy 2026-10-15T09:00Z --html impact.html\n  posthorn impact --data-dir ./posthorn-data --before 2026-10-01..2026-10-14 --after 2026-10-15..2026-10-28',
    )
    .exitOverride()
    .action(async (log: string | undefined, options: ImpactOptions) => {
      try {
        await impact(log, options);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).syscall !== undefined)
          throw new CommandError((error as Error).message, 2);
        throw error;
      }
    });
}
