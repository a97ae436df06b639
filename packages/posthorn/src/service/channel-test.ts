import type { Answer } from '../contract/table.ts';
import { type Alert, alertTenant } from '../domain/alert.ts';
import { channelPayload } from '../domain/channel.ts';
import { notFound } from '../domain/errors.ts';
import { makeEvent } from '../domain/event.ts';
import { deliveryId, timeOrderedId } from '../domain/ids.ts';
import { iso, secondMs } from '../domain/time.ts';
import { auditEntry } from './audit.ts';
import { requireDocument } from './declared.ts';
import type { ServiceDependencies } from './dependencies.ts';
import { firstAttempt } from './first-attempt.ts';
import type { Call, Handlers } from './handler.ts';
import { shownMessage, shownText } from './payloads.ts';

/** Time for a due delivery to be claimed and its outcome to be on disk, besides the attempt itself. */
const slackMs = 5 * secondMs;
/** These keep an incident open until it is resolved. */
const keepOpen: readonly string[] = ['pagerduty', 'opsgenie', 'alertmanager'];

/** Tests channels: a notification is sent like any other, but is not retried if it fails. */
export function channelTestService({
  store,
  engine,
  clock,
  random,
  publicOrigin,
}: Pick<
  ServiceDependencies,
  'store' | 'engine' | 'clock' | 'random' | 'publicOrigin'
>): Handlers<'channels.test'> {
  const send = async (name: string, alert: Alert, call: Call | null): Promise<string> => {
    const { document } = await requireDocument(store.read, 'channel', name);
    const now = clock.now();
    const event = makeEvent({
      id: `${alert.id}-${alert.state}-${now}-${name}`,
      callerId: true,
      tenant: alertTenant,
      type: 'posthorn.alert',
      data: JSON.stringify(channelPayload(document.channel, alert, publicOrigin)),
    });
    const audit =
      call === null
        ? null
        : auditEntry(call, now, {
            action: 'channels.test',
            target: { kind: 'channel', id: name },
            tenant: null,
            after: { event_id: event.id },
          });
    const { endpointId } = document;
    if ((await store.write.acceptFor(event, endpointId, now, audit)) === null)
      throw notFound('channel by that name');
    await engine.clearThrottles([endpointId]);
    engine.wake([endpointId]);
    return event.id;
  };

  return {
    'channels.test': async ({ params: { name } }, call): Promise<Answer<'channels.test'>> => {
      const { document } = await requireDocument(store.read, 'channel', name);
      const { endpointId, channel } = document;
      const alert = testAlert(name, timeOrderedId('alr', clock.now(), random.bytes(12)), clock.now());
      const eventId = await send(name, alert, call);
      const timeoutMs = (await store.read.endpoint(endpointId))?.timeoutMs ?? 0;
      const sent = { tenant: alertTenant, eventId, endpointId };
      const { delivery, attempt } = await firstAttempt(store.read, clock, sent, timeoutMs + slackMs);
      if (delivery.state === 'pending')
        await store.write.cancelDelivery(delivery.number, 'a test is not repeated', clock.now());
      if (delivery.state === 'delivered' && keepOpen.includes(channel.kind))
        await send(name, { ...alert, state: 'resolved', resolvedAt: clock.now() }, null);
      const { payloads } = call.caller;
      return {
        channel: name,
        kind: channel.kind,
        delivery_id: deliveryId(delivery.number),
        result: delivery.state === 'delivered' ? 'delivered' : attempt === null ? 'no_answer' : 'failed',
        sent_at: iso(attempt?.startedAt ?? delivery.createdAt),
        duration_ms: attempt?.durationMs ?? null,
        status_code: attempt?.statusCode ?? null,
        error_class: attempt?.errorClass ?? null,
        message: shownMessage(attempt?.message ?? null, payloads),
        response_excerpt: shownText(attempt?.responseExcerpt ?? null, payloads),
      };
    },
  };
}

function testAlert(channel: string, id: string, now: number): Alert {
  return {
    id,
    rule: 'channel_test',
    group: channel,
    severity: 'ticket',
    state: 'firing',
    owner: null,
    summary: `A test of the channel ${channel}: notifications reach you here`,
    evidence: { next_step: 'none: this is a test' },
    since: now,
    firedAt: now,
    resolvedAt: null,
    acknowledgedAt: null,
    notifiedAt: null,
    notifiedSeverity: null,
  };
}
