import type { Answer } from '../contract/table.ts';
import { alertTenant } from '../domain/alert.ts';
import { type Channel, receiverOf, shownOf } from '../domain/channel.ts';
import type { StoredChannel, StoredDocument } from '../domain/documents.ts';
import { type Endpoint, freshEndpoint } from '../domain/endpoint.ts';
import { PosthornError } from '../domain/errors.ts';
import { timeOrderedId } from '../domain/ids.ts';
import { newSecret } from '../signing/standard-webhooks.ts';
import { auditEntries } from './audit.ts';
import { documentBy, requireDocument } from './declared.ts';
import type { ServiceDependencies } from './dependencies.ts';
import { fingerprint } from './fingerprint.ts';
import type { Handlers, Of } from './handler.ts';
import { pageOf } from './paging.ts';
import { mailServerUrl, receiverUrl } from './receiver-url.ts';

/**
 * Channels: where notifications go. Alerts leave by Posthorn's own durable delivery, so a channel is an endpoint of its own
 * tenant, and the two change together (G4).
 */
export function channelService(deps: ServiceDependencies): Handlers<Of<'channels'>> {
  const { store, config, engine, clock } = deps;
  return {
    'channels.list': async ({ query }) =>
      pageOf((await store.documents('channel')).map(wireChannel), query, ({ name }) => [name]),

    'channels.get': async ({ params: { name } }) =>
      wireChannel(await requireDocument(store, 'channel', name)),

    'channels.put': async ({ params: { name }, body: channel }, call) => {
      const url = urlOf(channel, deps);
      const fresh = channelEndpoint(name, url, deps);
      const { endpoints, answer: document } = await config.change(async () => {
        const now = clock.now();
        const before = await documentBy(store, 'channel', name);
        const existing = before === null ? null : await store.endpoint(before.endpointId);
        const answer: StoredChannel = { channel, endpointId: (existing ?? fresh).id };
        const audit = auditEntries(call, now, {
          action: 'channels.put',
          target: { kind: 'channel', id: name },
          tenant: null,
          before: before === null ? null : wireChannel({ name, document: before }),
          after: wireChannel({ name, document: answer }),
        });
        return {
          write: {
            now,
            audit,
            putDocuments: [{ kind: 'channel' as const, name, document: answer }],
            ...(existing === null
              ? { createEndpoints: [fresh] }
              : { updateEndpoints: [{ id: existing.id, change: { url, updatedAt: now } }] }),
          },
          answer,
        };
      });
      engine.endpointChanged(document.endpointId, endpoints[0]!);
      return wireChannel({ name, document });
    },

    'channels.delete': async ({ params: { name } }, call) => {
      const { answer: endpointId } = await config.change(async () => {
        const { document } = await requireDocument(store, 'channel', name);
        const user = (await store.documents('team')).find((team) => team.document.channels.includes(name));
        if (user !== undefined)
          throw new PosthornError(
            'in_use',
            `The team ${user.name} uses this channel: remove it from the team first.`,
          );
        const answer = document.endpointId;
        const existing = await store.endpoint(answer);
        const now = clock.now();
        const audit = auditEntries(call, now, {
          action: 'channels.delete',
          target: { kind: 'channel', id: name },
          tenant: null,
          before: wireChannel({ name, document }),
        });
        return {
          write: {
            now,
            audit,
            deleteDocuments: [{ kind: 'channel' as const, name }],
            ...(existing === null ? {} : { deleteEndpoints: [answer] }),
          },
          answer,
        };
      });
      engine.endpointChanged(endpointId, null);
    },
  };
}

/** The URL that notifications are sent to; rejects one that is not valid or whose host may not be called. */
function urlOf(channel: Channel, deps: ServiceDependencies): string {
  const { via, url } = receiverOf(channel);
  return via === 'mail' ? mailServerUrl(url, deps.refuseMailServer) : receiverUrl(url, deps.refuseHost);
}

/** The endpoint of a new channel. */
function channelEndpoint(
  name: string,
  url: string,
  { clock, random, keyring }: ServiceDependencies,
): Endpoint {
  const now = clock.now();
  return freshEndpoint(
    {
      id: timeOrderedId('ep', now, random.bytes(12)),
      tenant: alertTenant,
      url,
      secret: keyring.seal(newSecret(random), 'signing'),
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
}

function wireChannel({
  name,
  document: { channel, endpointId },
}: StoredDocument<'channel'>): Answer<'channels.get'> {
  return {
    name,
    kind: channel.kind,
    endpoint_id: endpointId,
    fingerprint: fingerprint(channel),
    ...shownOf(channel),
  };
}
