import { systemClock } from 'posthorn/runtime';
import { explain } from './causes/explain.ts';
import { readDeploys } from './causes/markers.ts';
import { type Database, withDatabase } from './database.ts';
import { AuditError } from './errors.ts';
import { readVocabulary } from './read/ingest.ts';
import { load, type Loaded } from './read/load.ts';
import { shownResult } from './report/shown-result.ts';
import { toResult } from './report/to-result.ts';
import type { AuditOptions, AuditResult } from './result.ts';
import { runStage } from './stages.ts';
import { makeLines, makeTimeline, screenLines, type Timeline } from './timeline/timeline.ts';
import { keepWindow } from './timeline/window.ts';
import { readOutside } from './truth/outside.ts';
import { decide } from './verdicts/decide.ts';

const defaultMemoryMb = 1100;
/** Reading is most of the work. */
const readingShare = 0.45;

/**
 * Audits delivery logs: what became of every event, which events were silently dropped, why, and what they are worth.
 * Works in a temporary directory and removes it afterwards. Throws AuditError, with a message for the user, if nothing can
 * be audited, and AuditStopped if `signal` stopped it.
 */
export async function audit(options: AuditOptions): Promise<AuditResult> {
  const timezone = options.timezone ?? 'UTC';
  try {
    new Intl.DateTimeFormat('en', { timeZone: timezone });
  } catch {
    throw new AuditError(`unknown time zone ${timezone}: use an IANA name, such as Europe/Berlin`);
  }
  return await withDatabase(
    {
      memoryMb: options.memoryMb ?? defaultMemoryMb,
      threads: options.threads,
      timezone,
      signal: options.signal,
    },
    async (database) => await auditIn(database, options),
  );
}

async function auditIn(database: Database, options: AuditOptions): Promise<AuditResult> {
  const begun = systemClock.monotonic();
  const at = (stage: string, done: number): void => options.onProgress?.({ stage, done });
  const deploys =
    options.deploys === undefined ? { markers: [], ignored: [] } : await readDeploys(options.deploys);
  at('reading', 0);
  const loaded = await runStage(database, 'read', () =>
    load(database, options, (done, total) =>
      at(`reading ${progressText(done, total)}`, (done / total) * readingShare),
    ),
  );
  at('putting attempts together', readingShare);
  const timeline = await runStage(database, 'timeline', () => toTimeline(database, loaded, options));
  const read = { ...loaded, ...timeline };
  const outside = await runStage(database, 'truth', () => readOutside(database, read.facts, options));
  at('classifying', 0.8);
  const decided = await runStage(database, 'verdicts', () => decide(database, { read, outside, options }));
  at('looking for causes', 0.88);
  const explained = await runStage(database, 'causes', () =>
    explain(database, { read, decided, outside, options, deploys }),
  );
  at('counting the money', 0.93);
  const result = await runStage(database, 'report', () =>
    toResult(database, { read, decided, explained, outside, options, deploys }),
  );
  at('done', 1);
  return shownResult({ ...result, took_ms: Math.round(systemClock.monotonic() - begun) });
}

async function toTimeline(database: Database, { specs }: Loaded, options: AuditOptions): Promise<Timeline> {
  const vocabulary = await readVocabulary(database);
  await screenLines(database, vocabulary);
  const whole = await makeLines(database, vocabulary, specs);
  // Verdicts may cover a window only, but `whole` still says how far the log goes on after it.
  const facts =
    options.window === undefined ? whole : { ...whole, ...(await keepWindow(database, options.window)) };
  await makeTimeline(database, { slackMs: facts.secondsOnly ? 1000 : 5 });
  return { vocabulary, whole, facts };
}

/** "1.2 of 3.4 GB". */
function progressText(done: number, total: number): string {
  const [unit, name] = total >= 1e9 ? [1e9, 'GB'] : total >= 1e6 ? [1e6, 'MB'] : [1e3, 'kB'];
  return `${(done / unit).toFixed(1)} of ${(total / unit).toFixed(1)} ${name}`;
}
