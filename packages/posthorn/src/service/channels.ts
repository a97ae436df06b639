import type { Answer } from '../contract/table.ts';
import { alertTenant } from '../domain/alert.ts';
import { toShownChannel } from '../domain/channel.ts';
import type { StoredChannel, StoredDocument } from '../domain/documents.ts';
import { type Endpoint, freshEndpoint } from '../domain/endpoint.ts';
import { PosthornError } from '../domain/errors.ts';
import { timeOrderedId } from '../domain/ids.ts';
import { newSecret } from '../signing/standard-webhooks.ts';
import { auditEntries } from './audit.ts';
import { openReceiver, sealedReceiver } from './channel-endpoint.ts';
import { documentBy, requireDocument } from './declared.ts';
import type { ServiceDependencies } from './dependencies.ts';
import { fingerprintSaltBytes, hasFingerprint, sealedFingerprint } from './fingerprint.ts';
import type { Handlers, Of } from './handler.ts';
import { toPage } from './paging.ts';

/**
 * Channels: where notifications go. Alerts are sent by Posthorn's own durable delivery, so each channel has an endpoint
 * in Posthorn's own tenant, and the two change together (G4).
 */
export function channelService(
  deps: ServiceDependencies,
): Handlers<Exclude<Of<'channels'>, 'channels.test'>> {
  const { store } = deps;
  return {
    'channels.list': async ({ query }) =>
      toPage((await store.read.documents('channel')).map(wireChannel), query, ({ name }) => [name]),

    'channels.get': async ({ params: { name } }) =>
      wireChannel(await requireDocument(store.read, 'channel', name)),

    'channels.put': putChannel(deps),
    'channels.delete': deleteChannel(deps),
  };
}

function putChannel(deps: ServiceDependencies): Handlers<'channels.put'>['channels.put'] {
  const { store, config, engine, clock, random } = deps;
  return async ({ params: { name }, body: channel }, call) => {
    const receiver = openReceiver(channel, deps);
    const made = await sealedFingerprint(channel, random.bytes(fingerprintSaltBytes));
    const { endpoints, answer: document } = await config.change(async () => {
      const now = clock.now();
      const before = await documentBy(store.read, 'channel', name);
      const existing = before === null ? null : await store.read.endpoint(before.endpointId);
      const sealed = sealedReceiver(receiver, existing, deps);
      const answer: StoredChannel = {
        channel: toShownChannel(channel),
        fingerprint:
          before !== null && (await hasFingerprint(channel, before.fingerprint)) ? before.fingerprint : made,
        endpointId: existing?.id ?? timeOrderedId('ep', now, random.bytes(12)),
      };
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
            ? { createEndpoints: [channelEndpoint(name, answer.endpointId, sealed, deps)] }
            : { updateEndpoints: [{ id: existing.id, change: { ...sealed, updatedAt: now } }] }),
        },
        answer,
      };
    });
    engine.endpointChanged(document.endpointId, endpoints[0]!);
    return wireChannel({ name, document });
  };
}

function deleteChannel({
  store,
  config,
  engine,
  clock,
}: ServiceDependencies): Handlers<'channels.delete'>['channels.delete'] {
  return async ({ params: { name } }, call) => {
    const { answer: endpointId } = await config.change(async () => {
      const { document } = await requireDocument(store.read, 'channel', name);
      const user = (await store.read.documents('team')).find((team) => team.document.channels.includes(name));
      if (user !== undefined)
        throw new PosthornError(
          'in_use',
          `The team ${user.name} uses this channel. Remove it from the team first.`,
        );
      const answer = document.endpointId;
      const existing = await store.read.endpoint(answer);
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
  };
}

/** The endpoint of a new channel. */
function channelEndpoint(
  name: string,
  id: string,
  sealed: ReturnType<typeof sealedReceiver>,
  { clock, random, keyring }: ServiceDependencies,
): Endpoint {
  return freshEndpoint(
    {
      id,
      tenant: alertTenant,
      url: sealed.url,
      secret: keyring.seal(newSecret(random), 'signing'),
      createdAt: clock.now(),
    },
    {
      // It is addressed by name only, and subscribes to nothing that a caller could publish.
      eventTypes: ['posthorn.alert'],
      description: `channel ${name}`,
      body: 'data',
      channel: sealed.channel,
      maxInFlight: 4,
    },
  );
}

function wireChannel({
  name,
  document: { channel, fingerprint, endpointId },
}: StoredDocument<'channel'>): Answer<'channels.get'> {
  const { kind, ...shown } = channel;
  return { name, kind, endpoint_id: endpointId, fingerprint, ...shown };
}
