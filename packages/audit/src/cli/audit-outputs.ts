import { count, percent } from 'posthorn/report';
import { compare } from 'posthorn/impact';
import { basename } from 'node:path';
import type { Scenario } from '@posthorn/lab';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { stringify } from 'yaml';
import { audit } from '../audit.ts';
import { sampleAttempts } from '../history.ts';
import { auditPage } from '../report/page.ts';
import { type Outcome, postMortem } from '../report/post-mortem.ts';
import type { AuditOptions, AuditResult } from '../result.ts';
import { formatValue } from 'posthorn/domain';
import { sideFromAudit } from '../impact/from-audit.ts';
import { rulesOn } from './audit-history.ts';
import { CommandError, note, writePrivately } from 'posthorn/cli';
import { noteUnread } from './unread.ts';

/** The files that `posthorn audit` writes, and what users add to them. */
export interface AuditOutputs {
  readonly html?: string;
  readonly markdown?: string;
  readonly scenario?: string;
  readonly service?: string;
  readonly owner?: string;
  readonly change: readonly string[];
  readonly detected?: string;
  readonly after?: string;
}

/** Attempts that a calibration reads: enough for every rate that a scenario has, and few enough for memory. */
const maxSample = 1_000_000;

function parseTime(text: string): string {
  if (!Number.isFinite(Date.parse(text)))
    throw new InvalidArgumentError('must be a time, such as 2026-10-15T09:00Z');
  return new Date(text).toISOString();
}

/** Adds the options of these outputs to the command. */
export function auditOutputOptions(command: Command): Command {
  return command
    .optionsGroup('Reports:')
    .option('--html <report.html>', 'write a page with charts, for engineers and managers')
    .option('--markdown <post-mortem.md>', 'write a post-mortem, with marked blanks for what no log contains')
    .option('--scenario <incident.yaml>', 'write a scenario for posthorn lab, calibrated from the log')
    .optionsGroup('Facts for the post-mortem that no log contains:')
    .option('--service <name>', 'the service that sends')
    .option('--owner <name>', 'the team that owns it')
    .addOption(
      new Option('--change <text>', 'what was changed; repeat for more')
        .argParser((text: string, before: string[]) => [...before, text])
        .default([], 'none'),
    )
    .option('--detected <time>', 'when it was noticed', parseTime)
    .option('--after <log>', 'a log from after the change');
}

async function readOutcome(result: AuditResult, after: string, options: AuditOptions): Promise<Outcome> {
  const { format, mapping, timezone, signal } = options;
  const later = await audit({ files: after.split(','), format, mapping, timezone, signal });
  if (noteUnread(later, basename(after))) process.exitCode = 1;
  const {
    before,
    after: is,
    statement,
    exposure,
    recovered_per_week: recovered,
  } = compare(sideFromAudit(result, 'before'), sideFromAudit(later, basename(after)), {
    target: 0.999,
    detectedBefore: null,
    detectedAfter: null,
  });
  return {
    statement,
    rateBefore: before.drop_rate,
    rateAfter: is.drop_rate,
    highestAfter: is.drop_interval[1],
    eventsAfter: is.events,
    equalExposure: exposure.equal,
    recovered:
      recovered.length === 0
        ? null
        : recovered
            .map(({ amount_minor: minor, currency }) => formatValue({ amountMinor: BigInt(minor), currency }))
            .join(' and '),
  };
}

async function makeMarkdown(
  result: AuditResult,
  outputs: AuditOutputs,
  options: AuditOptions,
  command: string,
): Promise<string> {
  const first = result.first_lost_at;
  const { objective, rules } =
    first === null ? { objective: null, rules: [] } : await rulesOn(options, Date.parse(first));
  return postMortem(result, {
    service: outputs.service ?? null,
    owner: outputs.owner ?? null,
    changes: outputs.change,
    detected: outputs.detected ?? null,
    outcome: outputs.after === undefined ? null : await readOutcome(result, outputs.after, options),
    objective,
    rules,
    command,
  });
}

/** Returns the log as a scenario of the lab; its naive sender has the retry race and no other defect. */
async function makeScenario(result: AuditResult, options: AuditOptions, command: string): Promise<string> {
  const { builtInScenarios, fit, parseScenario, ScenarioError } = await import('@posthorn/lab');
  const base = parseScenario(builtInScenarios.find(({ name }) => name === 'incident'));
  const source = options.files.join(', ');
  const attempts = await sampleAttempts(options, maxSample);
  let scenario: Scenario;
  try {
    ({ scenario } = fit(attempts, 0, source, base));
  } catch (error) {
    if (error instanceof ScenarioError) throw new CommandError(`no scenario: ${error.message}`, 1);
    throw error;
  }
  const main = result.causes[0]?.cause;
  const header = [
    `Calibrated from ${source.replaceAll(/[\r\n]/g, ' ')} by: ${command.replaceAll(/[\r\n]/g, ' ')}`,
    `The log: ${count(result.verdicts.silently_dropped)} of ${count(result.events)} events silently dropped (${percent(result.silent_drop_rate)})${main === undefined ? '' : `, main cause ${main}`}.`,
    main === undefined || main === 'retry_race'
      ? 'The network and the traffic of the log, with the sender of the incident and Posthorn side by side.'
      : `The lab's own sender has the retry race and no other defect, so this scenario shows how Posthorn handles the same network and traffic; it does not reproduce ${main}.`,
  ];
  const described = { ...scenario, payments: Math.max(1, result.events), description: header[1]! };
  return `${header.map((line) => `# ${line}`).join('\n')}\n${stringify(described)}`;
}

/** Writes the files that were asked for, and prints their paths to standard error. */
export async function writeAuditOutputs(
  result: AuditResult,
  outputs: AuditOutputs,
  options: AuditOptions,
  command: string,
): Promise<void> {
  const files: readonly (readonly [string | undefined, string, () => string | Promise<string>])[] = [
    [outputs.html, 'the page', () => auditPage(result, command)],
    [outputs.markdown, 'the post-mortem', () => makeMarkdown(result, outputs, options, command)],
    [outputs.scenario, 'the scenario', () => makeScenario(result, options, command)],
  ];
  for (const [path, what, text] of files) {
    if (path === undefined) continue;
    try {
      writePrivately(path, await text());
    } catch (error) {
      if ((error as NodeJS.ErrnoException).syscall !== undefined)
        throw new CommandError((error as Error).message, 2);
      throw error;
    }
    note(`${what} is in ${path}`);
  }
}
