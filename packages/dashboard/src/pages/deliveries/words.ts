import type { Answer, Item } from '../../api.ts';
import { plural } from '../../parts/number.ts';
import type { Level, StateName } from '../../parts/state.tsx';
import { durationText, relativeText } from '../../parts/time.ts';

// What a delivery's state is called. What it waits for, the server says by its kind.

type Details = Answer<'deliveries.get'>;
type Listed = Item<'deliveries.list'>;

/** `late` is a state of its own to who looks. */
export const stateName = ({ state, late }: Pick<Listed, 'state' | 'late'>): StateName =>
  state === 'delivered' && late ? 'late' : state;

/** The classes of failure keep their names; this is what they mean. */
const classWords: Readonly<Record<string, string>> = {
  timeout: 'no answer within the timeout',
  connect: 'no connection',
  dns: 'its name leads nowhere',
  tls: 'no secure connection',
  reset: 'the connection was cut',
  blocked_address: 'its address is not allowed',
  proxy: 'its proxy failed',
  token: 'its token server gave no token',
  http_4xx: 'it refused the request',
  http_5xx: 'it failed',
  rate_limited: 'it asked to wait',
  gone: 'it answered 410 Gone',
  redirect: 'it redirected, which is not followed',
  protocol: 'its answer was not HTTP',
  internal: 'an internal error of Posthorn',
  corrupt: 'the stored event was changed',
  transformation: 'the expression of the endpoint gave no body',
  secrets: 'the secrets of the endpoint cannot be opened',
};

export const classText = (name: string): string => classWords[name] ?? name;

function waitingText({ waiting_for: waiting, due_at: due }: Details, nowMs: number): string {
  if (waiting === null) return 'Pending';
  const until = waiting.until === null ? null : Date.parse(waiting.until);
  const when = until === null ? '' : until <= nowMs ? ' now' : ` ${relativeText(until, nowMs)}`;
  switch (waiting.kind) {
    case 'attempt':
      return 'Under way: an attempt was begun';
    case 'due':
      return `Due${when}, for the first time`;
    case 'retry':
      return `Due again${when}`;
    case 'throttle':
      return `Due again${when}: its receiver asked for a pause`;
    case 'circuit_breaker':
      return `Due${when}; its receiver fails, and is tried a little at a time`;
    case 'ordering_key':
      return 'Waits for an earlier delivery of its ordering key';
    case 'dead_letter':
      return 'Held by a dead letter of its ordering key';
    case 'paused_endpoint':
      return 'Waits: its endpoint is paused';
    default:
      return due === null ? 'Pending' : `Due${when}`;
  }
}

const ms = (from: string, to: string): number => Date.parse(to) - Date.parse(from);

/** The heading of a delivery's page. */
export function headingOf(details: Details, nowMs: number): { readonly level: Level; readonly text: string } {
  const { state, late, created_at: created, settled_at: settled, deadline_at: deadline } = details;
  const allowed = durationText(ms(created, deadline));
  if (state === 'delivered') {
    const took = durationText(ms(created, settled!));
    return late
      ? { level: 'watch', text: `Delivered late: ${took}, allowed was ${allowed}` }
      : { level: 'well', text: `Delivered in ${took}` };
  }
  if (state === 'pending') {
    const overdue = late ? `, and late: allowed was ${allowed}` : '';
    return { level: 'watch', text: `${waitingText(details, nowMs)}${overdue}` };
  }
  if (state === 'dead')
    return {
      level: 'act',
      text: `Dead letter: ${details.attempts.length === 0 ? 'never attempted' : `${plural(details.attempts.length, 'attempt')}, none delivered`}`,
    };
  if (state === 'cancelled')
    return { level: 'watch', text: details.reason === null ? 'Cancelled' : capital(details.reason) };
  return { level: 'watch', text: 'Suppressed: its endpoint was paused when it was accepted' };
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

const times = (count: number): string => (count === 1 ? 'once' : count === 2 ? 'twice' : `${count} times`);

/** How often it was sent, and how often it got there. */
export function sentText({ attempts, claims, claim }: Details): string {
  if (attempts.length === 0) return claim === null ? 'Not sent yet.' : 'Being sent.';
  const arrived = attempts.filter(
    ({ status_code: status }) => status !== null && status >= 200 && status < 300,
  ).length;
  const silent = claims - attempts.length - (claim === null ? 0 : 1);
  const sent = `Sent ${times(attempts.length)}, arrived ${arrived === 0 ? 'never' : times(arrived)}${arrived > 1 ? ' under one webhook-id' : ''}.`;
  return silent > 0 ? `${sent} ${plural(silent, 'claim')} never reported.` : sent;
}
