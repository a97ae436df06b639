import type { Database } from '../database.ts';
import type { Loaded } from '../read/load.ts';
import type { AuditOptions, AuditResult } from '../result.ts';
import { findGaps, type Silence } from '../timeline/gaps.ts';
import { type Habits, learnSender } from '../timeline/sender.ts';
import type { Timeline } from '../timeline/timeline.ts';
import { decideUnsent } from '../truth/expected.ts';
import type { Outside } from '../truth/outside.ts';
import { assessQuality } from './quality/assess.ts';
import type { Gated } from './quality/gate.ts';
import { classifyStates, findStateTable } from './state-table.ts';
import { classify, countVerdicts, makeStory } from './verdicts.ts';

/** What became of the events, and whether the log can show that at all. */
export interface Decided extends Gated {
  readonly habits: Habits;
  readonly silences: readonly Silence[];
  readonly verdicts: AuditResult['verdicts'];
}

/** Decides what became of each event, by the log and by what is known from outside. */
export async function decide(
  database: Database,
  {
    read: { facts, whole, vocabulary, specs, malformed, quality: loaded },
    outside: { expected, received },
    options,
  }: { readonly read: Loaded & Timeline; readonly outside: Outside; readonly options: AuditOptions },
): Promise<Decided> {
  const isStates = await findStateTable(database, specs, vocabulary);
  const habits = await learnSender(database, whole, vocabulary, specs, options, isStates);
  const silences = await findGaps(database, facts);
  await makeStory(database, habits);
  const states = isStates
    ? await classifyStates(database, whole, vocabulary, specs, habits.sender.late_after_ms)
    : null;
  if (states === null) await classify(database, whole, habits, specs);
  const { quality, complete } = await assessQuality(database, {
    facts: whole,
    habits,
    specs,
    rejected: malformed.rejected,
    loaded,
    states,
    hasExpected: expected !== null,
    hasReceived: received !== null,
  });
  if (expected !== null)
    await decideUnsent(database, expected, received, facts, {
      patienceMs: habits.firstWaitMs,
      conclusive: quality.conclusive,
    });
  const verdicts = await countVerdicts(database, habits.sender.late_after_ms);
  return { habits, silences, quality, complete, verdicts };
}
