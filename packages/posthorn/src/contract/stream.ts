import { z } from 'zod';
import { alertOperations } from './alerts.ts';
import { deliveryOperations } from './deliveries.ts';
import { endpointOperations } from './endpoints.ts';
import { timestamp } from './fields.ts';
import { operations } from './operation.ts';
import { nowOperations } from './now.ts';
import { redriveOperations } from './redrives.ts';
import { severalInQuery } from './several.ts';

const topic = z
  .string()
  .max(300)
  .regex(
    /^(now|alerts|(endpoint|delivery|redrive):.+)$/,
    'must be now, alerts, endpoint:ep_…, delivery:dlv_… or redrive:rdr_…',
  );

const id = z
  .string()
  .nullable()
  .describe('Id of the message: the header `Last-Event-ID` of a new connection that resumes from here.');
const hello = z
  .strictObject({
    event: z.literal('hello'),
    id,
    data: z.strictObject({ version: z.string(), now: timestamp }),
  })
  .meta({ id: 'HelloMessage', description: 'The first message of every connection.' });

const alert = alertOperations['alerts.acknowledge'].answer;

const message = z
  .discriminatedUnion('event', [
    hello,
    z
      .strictObject({ event: z.literal('now'), id, data: nowOperations['now.get'].answer })
      .meta({ id: 'NowMessage' }),
    z
      .strictObject({
        event: z.literal('reconciled'),
        id,
        data: nowOperations['now.get'].answer.shape.reconciled.unwrap(),
      })
      .meta({ id: 'ReconciledMessage' }),
    z.strictObject({ event: z.literal('alert'), id, data: alert }).meta({ id: 'AlertMessage' }),
    z
      .strictObject({
        event: z.literal('endpoint'),
        id,
        data: endpointOperations['endpoints.get'].answer,
      })
      .meta({ id: 'EndpointMessage' }),
    z
      .strictObject({
        event: z.literal('delivery'),
        id,
        data: deliveryOperations['deliveries.get'].answer,
      })
      .meta({ id: 'DeliveryMessage' }),
    z
      .strictObject({ event: z.literal('redrive'), id, data: redriveOperations['redrives.get'].answer })
      .meta({ id: 'RedriveMessage' }),
  ])
  .meta({ id: 'StreamMessage' });

const example = {
  event: 'redrive',
  id: 'k3v9x2.41',
  data: redriveOperations['redrives.get'].example.answer,
} as const;

export const streamOperations = operations({
  'stream.open': {
    method: 'GET',
    path: '/v1/stream',
    tag: 'stream',
    scope: 'read',
    summary: 'Stream changes',
    description:
      'Server-sent events. Each connection begins with `hello`, then the current state of every topic, as the call that reads it answers it: for `alerts` one message `alert` for each that is not resolved, for `now` the overview of the last 24 hours, and `reconciled` whenever the ledger was checked. Afterwards a message is sent when that answer changes, within about a second. With `Last-Event-ID`, only what has changed since that message is sent, if this node still knows. The connection ends when a topic can no longer be read, when the key or session ends, or when the reader does not keep up. A node allows 200 connections.',
    query: z.strictObject({
      topics: severalInQuery(topic).describe(
        '`now`, `alerts`, `endpoint:{id}`, `delivery:{id}`, `redrive:{id}`.',
      ),
      last_event_id: z
        .string()
        .max(128)
        .optional()
        .describe('For clients that cannot send the header `Last-Event-ID`.'),
    }),
    status: 200,
    answer: message,
    contentType: 'text/event-stream',
    isStream: true,
    errors: ['not_found', 'busy'],
    example: { query: { topics: `now,redrive:${example.data.id}` }, answer: example },
  },
});
