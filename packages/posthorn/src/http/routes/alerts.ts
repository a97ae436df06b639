import type { FastifyInstance } from 'fastify';
import { alertStates, alertTenant } from '../../domain/alert.ts';
import { freshEndpoint } from '../../domain/endpoint.ts';
import { timeOrderedId } from '../../domain/ids.ts';
import { type Channel, pagerDutyUrl, wireAlert } from '../../reliability/channels.ts';
import type { StoredChannel } from '../../reliability/evaluator.ts';
import { newSecret } from '../../signing/standard-webhooks.ts';
import type { DocumentKind } from '../../store/store.ts';
import { fingerprint } from '../../service/fingerprint.ts';
import * as schemas from '../../contract/legacy-schemas.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { params } from '../input.ts';
import { parse } from '../../contract/parse.ts';
import { pageOf } from '../../service/paging.ts';
import { notFound, PosthornError } from '../../domain/errors.ts';
import { mailServerUrl, receiverUrl } from '../../service/receiver-url.ts';

const acknowledgeTries = 5;

/** A channel in the API's words. Its URL, routing key and mail server's password are write-only. */
function wireChannel(name: string, { channel, endpointId }: StoredChannel): Record<string, unknown> {
  const { kind } = channel;
  return {
    name,
    kind,
    endpoint_id: endpointId,
    fingerprint: fingerprint(channel),
    ...(kind === 'webhook' || kind === 'alertmanager' ? { host: new URL(channel.url).host } : {}),
    ...(kind === 'email' ? { host: new URL(channel.server).host, from: channel.from, to: channel.to } : {}),
  };
}

/** Alerts, and who is told of them: teams and channels. */
export function alertRoutes(app: FastifyInstance, deps: ApiDependencies): void {
  const { store, config, engine, clock, random } = deps;

  app.get('/v1/alerts', async (request) => {
    const { state, severity, ...page } = parse(schemas.alertQuery, request.query);
    const unstored = deps.unstoredAlerts();
    const stored = await store.alerts().catch((error: unknown) => {
      // The store is what the unstored ones are about.
      if (unstored.length > 0) return { alerts: [] };
      throw error;
    });
    const asked = [...unstored, ...stored.alerts].filter(
      (alert) =>
        (state === undefined || state.includes(alert.state)) &&
        (severity === undefined || severity.includes(alert.severity)),
    );
    const { items, next_cursor: next } = pageOf(
      asked,
      page,
      (alert) => [alertStates.indexOf(alert.state), -alert.since, alert.id],
      'desc',
    );
    return { items: items.map(wireAlert), next_cursor: next };
  });

  app.post('/v1/alerts/:id/acknowledge', async (request) => {
    const id = params(request)['id']!;
    // The evaluator may take a step at the same time: then this one is worked out again.
    for (let again = 0; again < acknowledgeTries; again++) {
      const { version, alerts } = await store.alerts();
      const alert = alerts.find((one) => one.id === id);
      if (alert === undefined) throw notFound('alert by that id');
      if (alert.state === 'resolved') throw new PosthornError('resolved', 'this alert is resolved');
      if (alert.acknowledgedAt !== null) return wireAlert(alert);
      const now = clock.now();
      const acknowledged = { ...alert, acknowledgedAt: now };
      if (await store.saveAlerts({ version, changed: [acknowledged], forgotten: [], notifications: [], now }))
        return wireAlert(acknowledged);
    }
    throw new PosthornError('unavailable', 'alerts are changing; try again');
  });

  const documentOf = async (kind: DocumentKind, name: string): Promise<unknown> =>
    (await store.documents(kind)).find((one) => one.name === name)?.document;
  const nameOf = (request: Parameters<typeof params>[0]): string =>
    parse(schemas.documentName, params(request)['name']);

  app.put('/v1/channels/:name', async (request) => {
    const name = nameOf(request);
    const channel: Channel = parse(schemas.channel, request.body);
    const url =
      channel.kind === 'email'
        ? mailServerUrl(channel.server, deps.refuseMailServer)
        : receiverUrl(
            channel.kind === 'pagerduty' ? (channel.url ?? pagerDutyUrl) : channel.url,
            deps.refuseHost,
          );
    const now = clock.now();
    // Alerts leave by Posthorn's own durable delivery: a channel is an endpoint of its own tenant.
    const fresh = freshEndpoint(
      {
        id: timeOrderedId('ep', now, random.bytes(12)),
        tenant: alertTenant,
        url,
        secret: newSecret(random),
        createdAt: now,
      },
      {
        // It is sent to by name alone, and subscribes to nothing that anybody could publish.
        eventTypes: ['posthorn.alert'],
        description: `channel ${name}`,
        envelope: 'none',
        maxInFlight: 4,
      },
    );
    // A channel and its endpoint change together (G4).
    const { endpoints, answer: stored } = await config.change(async () => {
      const before = (await documentOf('channel', name)) as StoredChannel | undefined;
      const existing = before === undefined ? null : await store.endpoint(before.endpointId);
      const answer: StoredChannel = { channel, endpointId: (existing ?? fresh).id };
      return {
        write: {
          now,
          putDocuments: [{ kind: 'channel' as const, name, document: answer }],
          ...(existing === null
            ? { createEndpoints: [fresh] }
            : { updateEndpoints: [{ id: existing.id, change: { url, updatedAt: now } }] }),
        },
        answer,
      };
    });
    engine.endpointChanged(stored.endpointId, endpoints[0]!);
    return wireChannel(name, stored);
  });
  app.get('/v1/channels', async (request) =>
    pageOf(
      (await store.documents('channel')).map(({ name, document }) =>
        wireChannel(name, document as StoredChannel),
      ),
      parse(schemas.pageQuery, request.query),
      ({ name }) => [String(name)],
    ),
  );
  app.get('/v1/channels/:name', async (request) => {
    const name = nameOf(request);
    const document = await documentOf('channel', name);
    if (document === undefined) throw notFound('channel by that name');
    return wireChannel(name, document as StoredChannel);
  });
  app.delete('/v1/channels/:name', async (request, reply) => {
    const name = nameOf(request);
    const { answer: endpointId } = await config.change(async () => {
      const document = await documentOf('channel', name);
      if (document === undefined) throw notFound('channel by that name');
      const user = (await store.documents('team')).find((team) =>
        (team.document as { channels: readonly string[] }).channels.includes(name),
      );
      if (user !== undefined)
        throw new PosthornError(
          'in_use',
          `The team ${user.name} uses this channel: remove it from the team first.`,
        );
      const answer = (document as StoredChannel).endpointId;
      const existing = await store.endpoint(answer);
      return {
        write: {
          now: clock.now(),
          deleteDocuments: [{ kind: 'channel' as const, name }],
          ...(existing === null ? {} : { deleteEndpoints: [answer] }),
        },
        answer,
      };
    });
    engine.endpointChanged(endpointId, null);
    return reply.code(204).send();
  });
}
