import type { ClusterRole } from '../domain/shard.ts';
import { formatValue } from '../domain/money.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { repeat } from '../runtime/repeat.ts';
import type {
  ConservationRow,
  DigestCursor,
  DigestPage,
  FanOuts,
  Finding,
  Integrity,
  StateCounts,
  StoreRead,
} from '../store/store.ts';
import type { RiskSum, WorthComparison } from '../store/worth.ts';

// G6: what the counters say was accepted must equal what the rows say became of it. Nothing here is used by
// the code that writes either side.

const endStates = ['delivered', 'dead', 'cancelled', 'suppressed'] as const;
export const maxFindings = 200;
const digestPage = 1000;
const fanOutsShown = 20;

/** One endpoint's equation: accepted = delivered + pending + dead + cancelled + suppressed. */
export interface Equation extends StateCounts {
  readonly endpointId: string;
  readonly tenant: string;
  readonly accepted: number;
  readonly pending: number;
  /** accepted less the sum of the states: above zero, deliveries are unaccounted for. */
  readonly unaccounted: number;
  /** States whose rows do not match their counter, with how many rows there are too many (or, negative, too few). */
  readonly mismatches: readonly { readonly state: keyof StateCounts; readonly by: number }[];
}

export interface Reconciliation {
  readonly rows: readonly Equation[];
  /** What fan-outs were to create, have created and are still to create: planned = made + remaining. */
  readonly fanOuts: FanOuts;
  /** Sum of the missing deliveries' magnitudes over all endpoints, and of the fan-outs. */
  readonly unaccounted: number;
  /** Rows of deliveries that were counted. */
  readonly rowsRead: number;
  readonly findings: readonly Finding[];
  /** Events compared with their digests, and those among them that carry none; null where it was not asked for. */
  readonly digests: {
    readonly events: number;
    readonly without: number;
    readonly dataDeleted: number;
  } | null;
  readonly balanced: boolean;
}

/** Both sides of one endpoint, compared. Rows that retention deleted count by the state they had. */
export function equationFrom(row: ConservationRow): Equation {
  const sums = Object.fromEntries(
    endStates.map((state) => [state, row.rows[state] + row.pruned[state]]),
  ) as unknown as StateCounts;
  const total = endStates.reduce((sum, state) => sum + sums[state], row.rows.pending);
  return {
    ...sums,
    endpointId: row.endpointId,
    tenant: row.tenant,
    accepted: row.counters.accepted,
    pending: row.rows.pending,
    unaccounted: row.counters.accepted - total,
    mismatches: endStates
      .map((state) => ({ state, by: sums[state] - row.counters[state] }))
      .filter(({ by }) => by !== 0),
  };
}

/** What is at risk is worth something else by the counters than by the rows. */
export function worthFindings({ endpointId, currency, counters, rows }: WorthComparison): Finding[] {
  return (['dead', 'suppressed'] as const)
    .filter(
      (state) =>
        counters[state].count !== rows[state].count ||
        counters[state].amountMinor !== rows[state].amountMinor,
    )
    .map((state) => {
      const shown = ({ count, amountMinor }: RiskSum): string =>
        `${count} ${state}${currency === '' ? ' of unknown worth' : ` worth ${formatValue({ amountMinor, currency })}`}`;
      return {
        number: null,
        eventId: null,
        endpointId,
        problem: `the counters say ${shown(counters[state])}, and the rows say ${shown(rows[state])}`,
      };
    });
}

/** Checks the whole store. Looking for offending rows reads every one, so it is done where asked, or where the sums are off. */
export async function reconcile(
  store: Integrity,
  options: { readonly everyRow: boolean },
): Promise<Reconciliation> {
  const counted = await store.conservation();
  const rows = counted.map(equationFrom);
  const rowsRead = counted.reduce(
    (sum, { rows: of }) => sum + of.pending + endStates.reduce((ended, state) => ended + of[state], 0),
    0,
  );
  const fanOuts = await store.fanOuts(fanOutsShown);
  const unaccountedOfFanOuts = fanOuts.planned - fanOuts.made - fanOuts.remaining;
  const unaccounted = rows.reduce(
    (sum, row) => sum + Math.abs(row.unaccounted),
    Math.abs(unaccountedOfFanOuts),
  );
  const sumsHold = unaccounted === 0 && rows.every(({ mismatches }) => mismatches.length === 0);
  const worth = (await store.worthComparisons()).flatMap(worthFindings);
  const tampered = options.everyRow || !sumsHold ? await store.findTampered(maxFindings) : [];
  const findings = [...tampered, ...worth].slice(0, maxFindings);
  const digests = options.everyRow ? await checkEveryDigest(store, findings) : null;
  return {
    rows,
    fanOuts,
    unaccounted,
    rowsRead,
    findings,
    digests,
    balanced: sumsHold && findings.length === 0,
  };
}

/** Compares every event with its digest, page by page; adds to `findings` up to their limit. */
async function checkEveryDigest(
  store: Pick<StoreRead, 'checkDigests'>,
  findings: Finding[],
): Promise<NonNullable<Reconciliation['digests']>> {
  let events = 0;
  let without = 0;
  let dataDeleted = 0;
  let after: DigestCursor | null = null;
  do {
    const page: DigestPage = await store.checkDigests(after, digestPage);
    events += page.events;
    without += page.withoutDigest;
    dataDeleted += page.dataDeleted;
    findings.push(...page.findings.slice(0, Math.max(0, maxFindings - findings.length)));
    after = page.next;
  } while (after !== null);
  return { events, without, dataDeleted };
}

/** Reconciles on a schedule, never twice at once, and goes on after a failure. */
export function startReconciler(options: {
  readonly store: Integrity;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly everyMs: number;
  readonly onResult: (result: Reconciliation) => void;
  readonly role: ClusterRole;
}): { stop(): void } {
  const { store, clock, logger, everyMs, role, onResult } = options;
  const round = async (): Promise<void> => {
    if (!role.isCoordinator) return;
    const result = await reconcile(store, { everyRow: false });
    onResult(result);
    if (result.balanced) return;
    logger.error(
      {
        code: 'unaccounted',
        unaccounted: result.unaccounted,
        findings: result.findings.length,
        endpoints: result.rows
          .filter((row) => row.unaccounted !== 0 || row.mismatches.length > 0)
          .map((row) => row.endpointId),
      },
      'deliveries are unaccounted for: run posthorn verify',
    );
  };
  const rounds = repeat(clock, round, {
    everyMs,
    onError: (error) =>
      logger.warn(
        { code: 'reconciliation_failed', error: error.message },
        'reconciliation failed; it will be tried again',
      ),
  });
  return { stop: () => void rounds.stop() };
}
