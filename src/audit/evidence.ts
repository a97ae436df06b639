import type { Marker } from './markers.ts';
import type { AuditResult, Cause } from './result.ts';
import type { Habits } from './sender.ts';
import type { Table } from './statistics.ts';

/** What an event may show; each is a column of `signs`. */
export type Sign =
  | Exclude<Cause, 'retry_never_scheduled' | 'defect_onset' | 'acknowledged_unprocessed' | 'unknown'>
  | 'stale_write';

/** How many show a sign: of the lost, of the given up, and of what failed but arrived; and how many of each there are. */
export interface SignCount {
  readonly lost: number;
  readonly given_up: number;
  readonly fine: number;
  readonly allLost: number;
  readonly allGivenUp: number;
  readonly allFine: number;
}

/** What the sentence about a cause can speak of. */
export interface Evidence {
  readonly cause: Cause;
  readonly events: number;
  readonly habits: Habits;
  readonly table: Table | null;
  readonly ratio: number | null;
  readonly onset: AuditResult['onset'];
  readonly markers: readonly Marker[];
  readonly outages: readonly { readonly endpoint: string; readonly from: number; readonly to: number }[];
  readonly promised: number;
  readonly neverTried: number;
  readonly leftOpen: number;
  readonly endpoint: string | null;
  readonly endpoints: number;
  readonly statusCode: number | null;
  readonly eventType: string | null;
}

const count = (n: number): string => n.toLocaleString('en-US');
const percent = (share: number): string => `${(share * 100).toPrecision(3)} %`;
const seconds = (ms: number): string => `${Number((ms / 1000).toPrecision(4))} s`;

/** "Of events with it … were lost, of others …". */
function contrast({ table, ratio }: Evidence): string {
  if (table === null || ratio === null) return '';
  const [[a, b], [c, d]] = table;
  return ` Of events that failed and show it ${percent(a / Math.max(1, a + b))} were lost (${count(a)} of ${count(a + b)}), of the others ${percent(c / Math.max(1, c + d))} (${count(c)} of ${count(c + d)}).`;
}

/** A sentence or two that an engineer can check against the log. */
export function words(e: Evidence): string {
  const n = count(e.events);
  switch (e.cause) {
    case 'retry_race':
      return `In ${n} lost events two requests of the same event were under way at once, or a request that had been given up wrote its end over the retry that was owed; no attempt came after that.${contrast(e)}`;
    case 'counter_reset':
      return `In ${n} lost events the attempt number went back instead of up${e.habits.sender.max_attempts === null ? '' : ` and did not come to ${e.habits.sender.max_attempts}`}.${contrast(e)}`;
    case 'retry_never_scheduled': {
      const parts = [
        ...(e.promised > 0 ? [`${count(e.promised)} had another attempt promised`] : []),
        ...(e.neverTried > 0 ? [`${count(e.neverTried)} were accepted and never attempted`] : []),
        ...(e.leftOpen > 0 ? [`${count(e.leftOpen)} were left under way without an end`] : []),
      ];
      return `${n} events failed, were not recorded as given up, and no further attempt was made although the log goes on for longer than any retry took (${seconds(e.habits.sender.horizon_ms)})${parts.length === 0 ? '' : `; ${parts.join(', ')}`}.`;
    }
    case 'client_timeout':
      return `${n} lost events ended at the sender's own limit${e.habits.sender.timeout_ms === null ? '' : ` of ${seconds(e.habits.sender.timeout_ms)}`} without an answer; the receiver may have processed them all the same.${contrast(e)}`;
    case 'restart_loss': {
      const inferred = e.markers.filter(({ from }) => from === 'inferred').length;
      return `${n} lost events were waiting when the sender was restarted (${count(e.markers.length)} ${inferred > 0 ? 'moments, inferred from losses that coincide' : 'deploys or restarts'}${e.leftOpen + e.neverTried > 0 ? `; ${count(e.leftOpen + e.neverTried)} of them have no end of any attempt` : ''}).${contrast(e)}`;
    }
    case 'defect_onset':
      return `The drop rate rose from ${percent(e.onset!.rate_before)} to ${percent(e.onset!.rate_after)} at ${e.onset!.at}, and ${n} lost events came after that. What was deployed then?`;
    case 'endpoint_outage': {
      const first = e.outages[0];
      return `${n} lost events failed while ${e.endpoints === 1 && e.endpoint !== null ? e.endpoint : `${e.endpoints} endpoints`} failed at most of what was sent (${count(e.outages.length)} spells${first === undefined ? '' : `, the first from ${new Date(first.from).toISOString()} to ${new Date(first.to).toISOString()}`}).${contrast(e)}`;
    }
    case 'dns':
      return `${n} lost events ended with a failure to resolve the endpoint's name.${contrast(e)}`;
    case 'tls':
      return `${n} lost events ended with a TLS failure: a certificate or a handshake.${contrast(e)}`;
    case 'rate_limited':
      return `${n} lost events ended with 429 or a rate limit.${contrast(e)}`;
    case 'oversize':
      return `${n} lost events were refused for their size.${contrast(e)}`;
    case 'poison':
      return `${n} lost events failed in the same way each time${e.statusCode === null ? '' : ` (mostly ${e.statusCode})`}${e.eventType === null ? '' : `, all of type ${e.eventType}`}, while their neighbours arrived.${contrast(e)}`;
    case 'acknowledged_unprocessed':
      return `${n} events were answered with success, and the receiver's own list does not have them.`;
    case 'unknown':
      return `${n} lost events show nothing by which a cause could be told.`;
  }
}
