import { type Alert, type AlertNotification, alertTenant } from '../domain/alert.ts';
import { channelPayload } from '../domain/channel.ts';
import { makeEvent, type NewEvent } from '../domain/event.ts';
import { type Notice, toNotices } from '../domain/notification/notice.ts';
import type { EvaluatedStore } from './evaluation.ts';

/** An event to one channel, and what the alerts that caused it keep of it. */
interface Notification {
  readonly event: NewEvent;
  readonly endpointId: string;
  readonly alertIds: readonly string[];
  readonly record: AlertNotification;
}

/**
 * Returns the notifications of these alerts, one for each incident and channel: to the channels of the teams that each concerns.
 * `stored`: all alerts, which a notification may speak of too.
 */
export async function notificationsFor(
  store: Pick<EvaluatedStore, 'documents'>,
  notify: readonly Alert[],
  stored: readonly Alert[],
  now: number,
  publicUrl: string | null,
): Promise<Notification[]> {
  if (notify.length === 0) return [];
  const channels = new Map((await store.documents('channel')).map(({ name, document }) => [name, document]));
  const teams = new Map(
    (await store.documents('team')).map(({ name, document }) => [name, document.channels]),
  );
  return toNotices(notify, stored).flatMap(({ alert, members, causes }: Notice) => {
    const concerned = [...(alert.owner === null ? [] : [alert.owner]), ...(alert.alsoNotify ?? [])];
    const owned = new Map<string, string[]>();
    for (const team of concerned)
      for (const name of teams.get(team) ?? [])
        if (channels.has(name)) owned.set(name, [...(owned.get(name) ?? []), team]);
    // If an alert lacks an owner, or its owner lacks a channel, every channel is notified.
    return [...(owned.size > 0 ? owned.keys() : channels.keys())].map((name): Notification => {
      const { channel, endpointId } = channels.get(name)!;
      const event = makeEvent({
        id: `${alert.id}-${alert.state}-${now}-${name}`,
        callerId: true,
        tenant: alertTenant,
        type: 'posthorn.alert',
        data: JSON.stringify(channelPayload(channel, alert, publicUrl, members)),
      });
      const says = alert.state === 'resolved' ? 'resolved' : 'firing';
      const record = {
        teams: owned.get(name) ?? [],
        channel: name,
        at: now,
        says,
        eventId: event.id,
      } as const;
      return { endpointId, event, alertIds: causes.map(({ id }) => id), record };
    });
  });
}
