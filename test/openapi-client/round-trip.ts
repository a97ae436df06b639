import createClient from 'openapi-fetch';
import type { components, paths } from './generated/api.ts';

// What an application writes whose client is generated from /openapi.json: nothing here is typed by hand.

export type Delivery = components['schemas']['Delivery'];

/** Creates an endpoint, publishes an event to it, and returns its deliveries. */
export async function roundTrip(
  baseUrl: string,
  key: string,
  receiver: string,
): Promise<readonly Delivery[]> {
  const client = createClient<paths>({ baseUrl, headers: { authorization: `Bearer ${key}` } });
  const endpoint = await client.POST('/v1/endpoints', {
    body: { url: receiver, event_types: ['payment.*'] },
  });
  if (endpoint.error !== undefined) throw new Error(`${endpoint.error.code}: ${endpoint.error.detail}`);
  const event = await client.POST('/v1/events', {
    params: { header: { 'idempotency-key': 'pay_1' } },
    body: { type: 'payment.succeeded', data: { amount: 1099 } },
  });
  if (event.error !== undefined) throw new Error(`${event.error.code}: ${event.error.detail}`);
  const deliveries = await client.GET('/v1/deliveries', {
    params: { query: { endpoint_id: [endpoint.data.id], state: ['pending', 'delivered'], limit: 10 } },
  });
  if (deliveries.error !== undefined) throw new Error(`${deliveries.error.code}: ${deliveries.error.detail}`);
  return deliveries.data.items.filter((delivery) => delivery.event_id === event.data.id);
}
