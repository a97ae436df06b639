import type { Answer } from '../contract/table.ts';
import type { PayloadAccess } from '../domain/caller.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import { notFound, PosthornError } from '../domain/errors.ts';
import type { EventRecord } from '../domain/event.ts';
import { isReservedHeader } from '../domain/header-names.ts';
import { parseDeliveryId } from '../domain/ids.ts';
import { isoOrNull } from '../domain/time.ts';
import { type Signer, webhookRequest } from '../engine/webhook.ts';
import type { ServiceDependencies } from './dependencies.ts';
import type { Handlers } from './handler.ts';
import { payloadLooks } from './payload-looks.ts';
import { shownData } from './payloads.ts';

/** Placeholder for write-only values. */
const hidden = '…';

/** Signs with nothing and opens no secret: the request without its hidden parts. */
function unsigned({ url, headers, auth }: Endpoint): Signer {
  const own = Object.keys(headers)
    .filter((name) => !isReservedHeader(name))
    .flatMap((name) => [name, hidden]);
  return {
    keysAt: () => ({ secrets: [], privateKeys: [] }),
    extraHeaders: [...own, ...(auth === null || auth === undefined ? [] : ['authorization', hidden])],
    url,
    members: '',
    hidden: [],
    reach: null,
  };
}

/** One for each key that signs at that time. */
function signatures({ signatures: kinds, secrets, signingKeys }: Endpoint, at: number): string {
  const signing = (keys: readonly { readonly expiresAt: number | null }[]): number =>
    keys.filter(({ expiresAt }) => expiresAt === null || expiresAt > at).length;
  return kinds
    .flatMap((kind) =>
      Array.from({ length: signing(kind === 'v1' ? secrets : signingKeys) }, () => `${kind},${hidden}`),
    )
    .join(' ');
}

function toHeaders(flat: readonly string[], signature: string): { name: string; value: string }[] {
  const shown: { name: string; value: string }[] = [];
  for (let at = 0; at < flat.length; at += 2) {
    const name = flat[at]!;
    shown.push({ name, value: name === 'webhook-signature' ? signature : flat[at + 1]! });
  }
  return shown;
}

interface Sent {
  readonly number: number;
  readonly attempt: number;
  readonly startedAt: number | null;
  readonly now: number;
}

/** The request of an attempt, with data that may have been reshaped, as a caller may see it. */
function wireRequest(
  {
    event,
    data,
    endpoint,
  }: { readonly event: EventRecord; readonly data: string | null; readonly endpoint: Endpoint },
  { number, attempt, startedAt, now }: Sent,
  { payloads, userAgent }: { readonly payloads: PayloadAccess; readonly userAgent: string },
): Answer<'deliveries.request'> {
  const at = startedAt ?? now;
  const build = (text: string) =>
    webhookRequest(
      {
        number,
        claim: attempt,
        eventId: event.id,
        eventType: event.type,
        occurredAt: event.occurredAt ?? event.acceptedAt,
        data: text,
      },
      endpoint,
      unsigned(endpoint),
      { now: at, lived: at },
      [],
      userAgent,
    );
  const sent = build(data ?? 'null');
  const shown = data === null ? null : shownData({ ...event, data }, payloads);
  return {
    attempt,
    sent_at: isoOrNull(startedAt),
    changed_since: startedAt !== null && endpoint.updatedAt > startedAt,
    method: 'POST',
    url: endpoint.url,
    headers: [
      { name: 'host', value: new URL(endpoint.url).host },
      ...toHeaders(sent.headers, signatures(endpoint, at)),
      ...(data === null ? [] : [{ name: 'content-length', value: String(sent.body.length) }]),
    ],
    body: shown === null || payloads === 'none' ? null : Buffer.from(build(shown).body).toString(),
    body_bytes: data === null ? null : sent.body.length,
    data_deleted_at: isoOrNull(event.dataDeletedAt),
    payloads,
  };
}

/** Shows what was sent for a delivery, or will be. */
export function deliveryRequestService(
  deps: Pick<ServiceDependencies, 'store' | 'clock' | 'transformations' | 'version'>,
): Pick<Handlers, 'deliveries.request'> {
  const { store, clock, transformations, version } = deps;
  const looks = payloadLooks(deps);

  /** Null: the expression returns no body, or the data were deleted. */
  const dataFor = async (event: EventRecord, endpoint: Endpoint): Promise<string | null> => {
    if (event.dataDeletedAt !== null) return null;
    const { transformation, tenant, id } = endpoint;
    if (transformation === null) return event.data;
    const answer = await transformations.transform({
      transformation,
      owner: { tenant, id: `request of ${id}` },
      eventId: event.id,
      eventType: event.type,
      occurredAt: event.occurredAt ?? event.acceptedAt,
      data: event.data,
    });
    if (answer.kind === 'busy')
      throw new PosthornError('unavailable', 'Other expressions are running. Try again.');
    return answer.kind === 'data' ? answer.data : null;
  };

  return {
    'deliveries.request': async ({ params: { id }, query: { attempt: asked } }, call) => {
      const number = parseDeliveryId(id);
      const delivery = number === null ? null : await store.read.deliveryDetails(number);
      if (delivery === null) throw notFound('delivery by that id');
      const [event, endpoint, attempts] = await Promise.all([
        store.read.event(delivery.tenant, delivery.eventId),
        store.read.endpoint(delivery.endpointId),
        store.read.attempts(delivery.number),
      ]);
      const found = asked === undefined ? attempts.at(-1) : attempts.find(({ n }) => n === asked);
      const underWay = Math.max(1, delivery.claim);
      if (event === null || (asked !== undefined && found === undefined && asked !== underWay))
        throw notFound('attempt of that number');
      if (endpoint === null)
        throw new PosthornError(
          'endpoint_deleted',
          'The endpoint of this delivery was deleted, so its requests cannot be rebuilt.',
        );
      const data = await dataFor(event, endpoint);
      if (event.dataDeletedAt === null) await looks.note(call, event);
      return wireRequest(
        { event, data, endpoint },
        {
          number: delivery.number,
          attempt: found?.n ?? asked ?? underWay,
          startedAt: found?.startedAt ?? null,
          now: clock.now(),
        },
        { payloads: call.caller.payloads, userAgent: `Posthorn/${version}` },
      );
    },
  };
}
