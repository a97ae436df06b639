import { formatValue } from 'posthorn/domain';
import type { Scenario } from '../scenario.ts';
import type { LabSummary } from '../summary.ts';
import { print, table } from 'posthorn/cli';

/** The summary as text: what happened to the payments, what was injected, and whether all is well. */
export function printSummary(summary: LabSummary, scenario: Scenario): void {
  const { naive, posthorn, seed, seeds, seconds } = summary;
  print(
    `${summary.payments.toLocaleString('en-US')} payments over ${summary.simulated_days} simulated days, ${seeds} ${seeds === 1 ? 'seed' : 'seeds'}, ${seconds} s (${summary.seeds_per_s} seeds a second)\n`,
  );
  if (naive === null) printPosthorn(posthorn);
  else printBoth(naive, posthorn);
  print(
    `injected: ${Object.entries(summary.faults)
      .map(([fault, n]) => `${fault} ${n.toLocaleString('en-US')}`)
      .join(', ')}`,
  );
  if (posthorn.duplicated > 0 && naive === null)
    print(
      `duplicates (receivers recognize them by webhook-id): ${Object.entries(posthorn.duplicate_causes)
        .map(([cause, n]) => `${cause} ${n}`)
        .join(', ')}`,
    );
  if (summary.failures.length > 0) return;
  print(
    `\nPosthorn: 0 lost, 0 unexpected, 0 unaccounted (${scenario.name}, seed ${seed}${seeds > 1 ? ` to ${seed + seeds - 1}` : ''}).`,
  );
  if (seeds > 1)
    print(
      `No failure in ${seeds} seeds: at 95%, under this fault model, fewer than ${Number(Math.min(100, 300 / seeds).toPrecision(2))}% of seeds fail.`,
    );
}

/** The service of the incident beside Posthorn. */
function printBoth(naive: NonNullable<LabSummary['naive']>, posthorn: LabSummary['posthorn']): void {
  print(
    `${table(
      ['the same payments, the same network', 'the service', 'Posthorn'],
      [
        ['accepted', naive.accepted, posthorn.accepted],
        ['delivered', naive.delivered, posthorn.delivered],
        ['silently dropped', naive.silently_dropped, posthorn.lost],
        ['given up as dead letters', naive.given_up, posthorn.dead],
        ['late', naive.late, posthorn.late],
        ['arrived more than once', naive.duplicated, posthorn.duplicated],
      ],
    )}\n\nThe service lost ${(naive.silent_drop_rate * 100).toFixed(3)}% of its webhooks silently: ${naive.value_at_risk_per_week
      .map(({ amount_minor: minor, currency }) => formatValue({ amountMinor: BigInt(minor), currency }))
      .join(', ')} of payments a week without a confirmation.\n`,
  );
}

function printPosthorn(posthorn: LabSummary['posthorn']): void {
  const columns = {
    accepted: posthorn.accepted,
    delivered: posthorn.delivered,
    dead: posthorn.dead,
    cancelled: posthorn.cancelled,
    suppressed: posthorn.suppressed,
    late: posthorn.late,
    duplicated: posthorn.duplicated,
    superseded: posthorn.superseded,
    lost: posthorn.lost,
    unexpected: posthorn.unexpected,
    unaccounted: posthorn.unaccounted,
    'steps checked': posthorn.steps_checked,
  };
  print(`${table(Object.keys(columns), [Object.values(columns)])}\n`);
}
