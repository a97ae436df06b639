import { SeededRandom } from 'posthorn/runtime';
import { count } from 'posthorn/report';
import { type Database, num, text } from '../database.ts';
import type { Loaded } from '../read/load.ts';
import type { AuditOptions, CauseFinding } from '../result.ts';
import type { Timeline } from '../timeline/timeline.ts';
import type { Outside } from '../truth/outside.ts';
import type { Received } from '../truth/received.ts';
import type { Decided } from '../verdicts/decide.ts';
import { type Causes, findCauses } from './causes.ts';
import { type Deploys, markersInLog } from './markers.ts';
import { makeMissing } from './missing.ts';
import { explainUnsent } from './never-sent.ts';
import { makeSigns, type SignFacts } from './signs.ts';

/** Why events did not arrive. */
export interface Explained extends Causes {
  readonly signs: SignFacts;
  /** The unit of the amounts. */
  readonly unit: 'minor' | 'major';
}

/** Names the causes of what was not delivered, or not processed. */
export async function explain(
  database: Database,
  {
    read: { facts, specs },
    decided: { habits, complete, silences },
    outside: { expected, received },
    options,
    deploys,
  }: {
    readonly read: Loaded & Timeline;
    readonly decided: Decided;
    readonly outside: Outside;
    readonly options: AuditOptions;
    readonly deploys: Deploys;
  },
): Promise<Explained> {
  const markers = [...deploys.markers, ...(await markersInLog(database))];
  const random = new SeededRandom(options.seed ?? 1, 'audit');
  const signs = await makeSigns(database, facts, habits, markers, random);
  const { findings, onset } = await findCauses(
    database,
    habits,
    signs,
    random,
    complete && silences.length === 0,
  );
  const unit = await makeMissing(
    database,
    specs.find(({ fields }) => fields.amount !== undefined)?.fields.amount?.money,
    expected,
  );
  const outer = [...(await unprocessed(database, received)), ...(await explainUnsent(database))];
  return { signs, findings: inOrder(merged(findings, outer)), onset, unit };
}

/** The events that receivers acknowledged and did not process, as a finding. */
async function unprocessed(database: Database, received: Received | null): Promise<CauseFinding[]> {
  if (received === null) return [];
  const { n } = await database.row('select count(*) as n from receipt where unprocessed');
  const events = num(n);
  if (events === 0) return [];
  const samples = await database.rows(
    "select id from missing where verdict = 'acknowledged_unprocessed' order by first_at, id limit 10",
  );
  return [
    {
      cause: 'acknowledged_unprocessed',
      events,
      silently_dropped: 0,
      given_up: 0,
      kind: 'proof',
      p_value: null,
      evidence: `${count(events)} events were answered with success, but are not in ${received.file}.`,
      test: null,
      jointly: [],
      where: {},
      sample_ids: samples.map(({ id }) => text(id)),
    },
  ];
}

/** Adds findings that only data from outside the log shows; one cause is one finding. */
function merged(findings: readonly CauseFinding[], outer: readonly CauseFinding[]): CauseFinding[] {
  const all = [...findings];
  for (const one of outer) {
    const at = all.findIndex(({ cause }) => cause === one.cause);
    const known = all[at];
    if (known === undefined) all.push(one);
    else
      all[at] = {
        ...known,
        events: known.events + one.events,
        silently_dropped: known.silently_dropped + one.silently_dropped,
        evidence: `${known.evidence} ${one.evidence}`,
      };
  }
  return all;
}

function inOrder(findings: readonly CauseFinding[]): CauseFinding[] {
  const rank = ({ cause }: CauseFinding): number => (cause === 'unknown' ? 1 : 0);
  const weight = (one: CauseFinding): number =>
    one.cause === 'acknowledged_unprocessed' ? one.events : one.silently_dropped;
  return findings.toSorted((a, b) => rank(a) - rank(b) || weight(b) - weight(a) || b.events - a.events);
}
