import { alertTenant } from '../domain/alert.ts';
import type { PayloadAccess } from '../domain/caller.ts';
import type { EventRecord } from '../domain/event.ts';
import { maskedJson, maskedText } from '../domain/masking.ts';

// What callers see of payloads and of receivers' answers, depending on their keys (G9).

/** The text of an event's data as it may be shown, which is JSON. */
export function shownData(
  { tenant, data, integrity }: Pick<EventRecord, 'tenant' | 'data' | 'integrity'>,
  payloads: PayloadAccess,
): string {
  if (payloads === 'none') return 'null';
  const shown = tenant === alertTenant ? withoutRoutingKey(data) : data;
  // Data that was changed on disk may be anything: then it is shown as text.
  if (integrity !== 'intact' && !isJson(shown)) return JSON.stringify(shownText(shown, payloads));
  return payloads === 'masked' ? maskedJson(shown) : shown;
}

/** What a receiver answered. */
export function shownText(text: string | null, payloads: PayloadAccess): string | null {
  if (payloads === 'full' || text === null) return text;
  return payloads === 'masked' ? maskedText(text) : null;
}

/** Why an attempt failed: Posthorn's own message, which may quote a mail server. */
export function shownMessage(text: string | null, payloads: PayloadAccess): string | null {
  return payloads === 'full' || text === null ? text : maskedText(text);
}

/** What Posthorn posts to PagerDuty contains the channel's key, which is write-only. */
function withoutRoutingKey(data: string): string {
  return data.replaceAll(/("routing_key"\s*:\s*)"(?:[^"\\]|\\.)*"/g, '$1null');
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
