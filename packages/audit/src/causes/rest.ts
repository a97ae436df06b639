import { count } from 'posthorn/report';
import { wilson } from 'posthorn/domain';
import { type Evidence, percent, seconds } from './evidence.ts';
import type { Cause } from '../result.ts';

// What is told of events that show none of the rules' signs.

export const restEvidence: Readonly<Partial<Record<Cause, (evidence: Evidence) => string>>> = {
  defect_onset: ({ events, onset }) =>
    `The drop rate rose from ${percent(onset!.rate_before)} to ${percent(onset!.rate_after)} at ${onset!.at}, and ${count(events)} lost events came after that. What was deployed then?`,
  retry_never_scheduled: (e) => {
    const parts = [
      ...(e.promised > 0 ? [`${count(e.promised)} had another attempt promised`] : []),
      ...(e.neverTried > 0 ? [`${count(e.neverTried)} were accepted and never attempted`] : []),
      ...(e.leftOpen > 0 ? [`${count(e.leftOpen)} were left under way without an end`] : []),
    ];
    const failed = e.events - e.neverTried;
    const [low, high] = wilson(failed, Math.max(failed, e.allFailed));
    const share =
      failed === 0
        ? ''
        : `; of all that failed ${percent(failed / Math.max(failed, e.allFailed))} (95 %: ${percent(low)} to ${percent(high)})`;
    return `${count(e.events)} events failed, were not recorded as given up, and no further attempt was made although the log goes on for longer than any retry took (${seconds(e.habits.sender.horizon_ms)})${share}${parts.length === 0 ? '' : `; ${parts.join(', ')}`}.`;
  },
  unknown: (e) => `${count(e.events)} lost events show nothing by which a cause could be told.`,
};
