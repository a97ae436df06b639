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
import { sideFromAudit } from '../impact/of-audit.ts';
import { rulesOn } from './audit-history.ts';
import { CommandError, note, writePrivately } from 'posthorn/cli';
import { noteUnread } from './unread.ts';

/** What `posthorn audit` writes besides what it prints, and what people add to it. */
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

/** Of a calibration: enough for every rate that a scenario has, and not too much for memory. */
const maxSample = 1_000_000;

function parseTime(text: string): string {
  if (!Number.isFinite(Date.parse(text)))
    throw new InvalidArgumentError('takes a time, such as 2026-10-15T09:00Z');
  return new Date(text).toISOString();
}

/** Adds the options of these outputs to the command. */
export function auditOutputOptions(command: Command): Command {
  return command
    .optionsGroup('Reports:')
    .option('--html <report.html>', 'write a page with plots, for the engineer and the manager beside them')
    .option(
      '--markdown <post-mortem.md>',
      'write the post-mortem; what no log knows is left as a marked blank',
    )
    .option('--scenario <incident.yaml>', 'write a scenario for posthorn lab, calibrated from the log')
    .optionsGroup('What no log knows, for the post-mortem:')
    .option('--service <name>', 'the service that sends')
    .option('--owner <name>', 'whose service it is')
    .addOption(
      new Option('--change <words>', 'what was changed; again for more')
        .argParser((words: string, before: string[]) => [...before, words])
        .default([], 'nothing'),
    )
    .option('--detected <time>', 'when people noticed', parseTime)
    .option('--after <log>', 'a log of the time after the change');
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

/** The log as a world of the lab; the naive sender in it has the retry race, and no other defect. */
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
  const words = [
    `Calibrated from ${source.replaceAll(/[\r\n]/g, ' ')} by: ${command.replaceAll(/[\r\n]/g, ' ')}`,
    `The log: ${result.verdicts.silently_dropped} of ${result.events} events silently dropped (${(result.silent_drop_rate * 100).toFixed(3)} %)${main === undefined ? '' : `, main cause ${main}`}.`,
    main === undefined || main === 'retry_race'
      ? 'Its network and its traffic, with the sender of the incident on it, and Posthorn beside it.'
      : `The lab's own sender has the retry race and no other defect: this shows what the same network and traffic do to Posthorn, and not ${main}.`,
  ];
  const described = { ...scenario, payments: Math.max(1, result.events), description: words[1]! };
  return `${words.map((line) => `# ${line}`).join('\n')}\n${stringify(described)}`;
}

/** Writes what was asked for; says where it is on standard error. */
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
