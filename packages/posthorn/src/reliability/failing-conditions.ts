import type { Condition } from '../domain/alert.ts';
import { automaticPauses, type Endpoint } from '../domain/endpoint.ts';
import { disablesAt, minFailures } from '../domain/failing.ts';
import type { Template } from '../domain/template.ts';
import { minuteMs } from '../domain/time.ts';
import type { FailingEndpoint } from '../store/failures.ts';
import { counted } from './diagnosis/words.ts';

/** From this share of the time on, the owner of an endpoint is warned that it will be paused. */
const warnFrom = 0.5;
/** From here on it is the last warning, which pages unless the template says otherwise. */
const lastCallFrom = 0.8;

/** An endpoint that will be paused because it only fails; null: that is not near. */
export function disablingCondition(
  endpoint: Endpoint,
  { since, count }: FailingEndpoint,
  loudness: Template['deadLetterSeverity'],
  now: number,
): Condition | null {
  const { id, owner, disableAfterMs } = endpoint;
  const at = disablesAt(endpoint, since);
  if (at === null || disableAfterMs === null || !endpoint.enabled || count < minFailures) return null;
  const share = (now - since) / disableAfterMs;
  if (share < warnFrom) return null;
  const isLastCall = share >= lastCallFrom && loudness !== 'ticket';
  const host = new URL(endpoint.url).host;
  return {
    rule: 'endpoint_disabling',
    group: id,
    severity: isLastCall || loudness === 'page' ? 'page' : 'ticket',
    owner,
    summary: `${host} has failed every attempt since ${new Date(since).toISOString()}; Posthorn pauses it ${now >= at ? 'at its next failure' : `in ${lengthText(at - now)}`}`,
    evidence: {
      failing_since: new Date(since).toISOString(),
      disables_at: new Date(at).toISOString(),
      disable_after_s: disableAfterMs / 1000,
      next_step: `To see the errors: posthorn deliveries --endpoint-id ${id} --state pending. One success prevents the pause, and so does disable_after_s: null`,
    },
    waitMs: 0,
  };
}

/** An endpoint that was paused because it only failed. */
export function disabledCondition(
  endpoint: Endpoint,
  since: number | null,
  counts: { readonly pending: number; readonly suppressed: number },
  loudness: Template['deadLetterSeverity'],
): Condition {
  const { id, owner, url, updatedAt } = endpoint;
  return {
    rule: 'endpoint_disabled',
    group: id,
    severity: loudness === 'page' ? 'page' : 'ticket',
    owner,
    summary: `${new URL(url).host} was paused because every attempt failed${since === null ? '' : ` since ${new Date(since).toISOString()}`}; ${counted(counts.pending, 'delivery is', 'deliveries are')} waiting, ${counted(counts.suppressed, 'is', 'are')} suppressed`,
    evidence: {
      failing_since: since === null ? null : new Date(since).toISOString(),
      paused_by: new Date(updatedAt).toISOString(),
      ...counts,
      next_step: `Fix the receiver, then send the waiting deliveries with POST /v1/endpoints/${id}/resume, and the suppressed ones with posthorn redrive --endpoint-id ${id} --state suppressed`,
    },
    waitMs: 0,
  };
}

/** Returns whether Posthorn has paused it because it only failed. */
export function isDisabled({ enabled, pausedReason }: Endpoint): boolean {
  return !enabled && pausedReason === automaticPauses.failing;
}

function lengthText(ms: number): string {
  const minutes = Math.max(1, Math.round(ms / minuteMs));
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}
