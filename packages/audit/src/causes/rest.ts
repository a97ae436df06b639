import { count, percent, seconds } from 'posthorn/report';
import { wilson } from 'posthorn/domain';
import type { Evidence } from './evidence.ts';
import type { Cause } from '../result.ts';

// Evidence about events that show none of the rules' signs.

export const restEvidence: Readonly<Partial<Record<Cause, (evidence: Evidence) => string>>> = {
  defect_onset: ({ events, onset }) =>
    `The drop rate rose from ${percent(onset!.rate_before)} to ${percent(onset!.rate_after)} at ${onset!.at}, and ${count(events)} events were lost after that. What was deployed then?`,
  retry_never_scheduled: (e) => {
    const parts = [
      ...(e.promised > 0 ? [`${count(e.promised)} had another attempt promised`] : []),
      ...(e.neverTried > 0 ? [`${count(e.neverTried)} were accepted and never attempted`] : []),
      ...(e.leftOpen > 0 ? [`${count(e.leftOpen)} have an attempt that never ended`] : []),
    ];
    const failed = e.events - e.neverTried;
    const [low, high] = wilson(failed, Math.max(failed, e.allFailed));
    const share =
      failed === 0
        ? ''
        : `; that is ${percent(failed / Math.max(failed, e.allFailed))} of all events that failed (95%: ${percent(low)} to ${percent(high)})`;
    return `${count(e.events)} events failed and were neither recorded as given up nor retried, although the log goes on for longer than any retry took (${seconds(e.habits.sender.horizon_ms)})${share}${parts.length === 0 ? '' : `; ${parts.join(', ')}`}.`;
  },
  unknown: (e) => `${count(e.events)} lost events show no sign of a cause.`,
};
