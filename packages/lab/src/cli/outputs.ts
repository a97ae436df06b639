import { createReadStream, createWriteStream, rmSync, writeFileSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { mergeLogs } from '../delivery-log.ts';
import type { Job } from '../pool.ts';
import { labReport } from '../report.ts';
import type { Scenario } from '../scenario.ts';
import { pickExamples } from '../summary.ts';
import { CommandError, demandWritable, note } from 'posthorn/cli';
import type { LabOptions } from './options.ts';
import type { Worlds } from './worlds.ts';

/** Refuses what could not be written in the end before the work begins. */
export function checkOutputs(
  scenario: Scenario,
  { log, posthornLog, html, seeds, calibrate }: LabOptions,
): void {
  if (log !== undefined && (scenario.naive === null || seeds > 1))
    throw new CommandError(
      '--log writes the delivery log of the naive sender: give a scenario that has one (incident), and one seed',
      2,
    );
  if (posthornLog !== undefined && seeds > 1)
    throw new CommandError('--posthorn-log writes the log of one world: give one seed', 2);
  demandWritable([log, posthornLog, html], [calibrate]);
}

/** Writes the logs and the report that were asked for; the report names `command`. */
export async function writeOutputs(
  { summary, jobs, answers }: Worlds,
  scenario: Scenario,
  { log, posthornLog, html }: LabOptions,
  command: string,
): Promise<void> {
  if (log !== undefined) await mergeNaiveLog(jobs, log);
  if (posthornLog !== undefined) await joinPosthornLog(jobs, posthornLog);
  if (html === undefined) return;
  writeFileSync(html, labReport(summary, scenario, pickExamples(answers), command));
  note(`the report is in ${html}`);
}

async function mergeNaiveLog(jobs: readonly Job[], to: string): Promise<void> {
  const pieces = jobs.map(({ log }) => log!.path);
  await mergeLogs(pieces, to);
  for (const piece of pieces) rmSync(piece);
  note(`the service's delivery log is in ${to}`);
}

async function joinPosthornLog(jobs: readonly Job[], to: string): Promise<void> {
  writeFileSync(to, '');
  for (const { posthornLog } of jobs) {
    await pipeline(createReadStream(posthornLog!.path), createWriteStream(to, { flags: 'a' }));
    rmSync(posthornLog!.path);
  }
  note(`Posthorn's own log is in ${to}`);
}
