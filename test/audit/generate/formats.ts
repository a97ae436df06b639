import { convoy } from './formats/convoy.ts';
import { eventbridge } from './formats/eventbridge.ts';
import { csv, iso, type LogFormat } from './formats/format.ts';
import { genericFormats } from './formats/generic.ts';
import { github } from './formats/github.ts';
import { posthorn } from './formats/posthorn.ts';
import { envoy, nginx } from './formats/proxies.ts';
import { incompleteFormats, stateFormats } from './formats/incomplete.ts';
import { sns } from './formats/sns.ts';
import { svix } from './formats/svix.ts';
import { wrappedFormats } from './formats/wrapped.ts';
import type { GeneratedEvent, GeneratedLog } from './model.ts';

export type { LogFormat };

export const logFormats: readonly LogFormat[] = [
  ...genericFormats,
  svix,
  convoy,
  github,
  eventbridge,
  sns,
  envoy,
  nginx,
  posthorn,
];

export { incompleteFormats, stateFormats, wrappedFormats };

/** The events that should have been sent. Ids as the format writes them. */
export const expectedCsv = (log: GeneratedLog, format: LogFormat): string =>
  csv(
    'event_id,event_type,payment_id,amount_minor,currency,created_at',
    log.events.map(
      (event) =>
        `${idIn(event, format)},${event.type},${event.paymentId},${event.amountMinor},${event.currency},${iso(event.acceptedAt)}`,
    ),
  );

/** The events that the receivers processed. */
export const receivedCsv = (log: GeneratedLog, format: LogFormat): string =>
  csv(
    'event_id,processed_at',
    log.events
      .filter(({ received }) => received)
      .map(
        (event) => `${idIn(event, format)},${iso((event.rows.at(-1)?.endedAt ?? event.acceptedAt) + 200)}`,
      ),
  );

/** An event's id as a log of this format says it. */
export const idIn = (event: GeneratedEvent, { is }: LogFormat): string =>
  is === 'svix' ? event.id.replace('evt', 'msg') : event.id;
